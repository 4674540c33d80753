/*
 * Names of users, see sshuser.h.
 */
#include <string.h>

#include "auth/sshuser.h"
#include "auth/text.h"

bool
sshuser_is_plain(const char *name)
{
	return (name[0] != '\0' && strchr(".@+#-", name[0]) == NULL &&
	    strlen(name) <= SSHUSER_MAX && text_only(name, "._@+#-"));
}
