/*
 * The files of an SSH certificate, see sshcert_files.h.
 */
#include <limits.h>
#include <stdio.h>

#include "auth/folder.h"
#include "auth/sshcert_files.h"
#include "relay/err.h"

static int
no_folder(const struct folder *f, struct err *e)
{
	err_set(e, EX_CANTCREAT, "", "the certificate cannot be kept: %.200s",
	    f->why);
	return (err_fix(e, "give the folder to yourself with mode 0700, or "
	    "set XDG_STATE_HOME to another one"));
}

int
sshcert_conf_path(char *out, size_t size, struct err *e)
{
	struct folder f;
	char folder[PATH_MAX];

	if (folder_state_path(&f, folder, sizeof(folder)) == -1)
		return (no_folder(&f, e));
	if ((size_t)snprintf(out, size, "%s/cert.conf", folder) >= size)
		return (err_set(e, EX_CANTCREAT, "", "the path of cert.conf "
		    "is too long"));
	return (0);
}
