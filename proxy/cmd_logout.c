/*
 * arc-relay logout: forgets whoever is logged in with arc-relay login, and the SSH
 * certificate.
 */
#include <stdio.h>

#include "auth/account.h"
#include "auth/login.h"
#include "auth/sshcert_files.h"
#include "proxy/cmd.h"
#include "proxy/cmd_options.h"
#include "relay/err.h"
#include "relay/log.h"

static const struct option_row table[] = {
	CMD_LAST_ROWS
};

int
cmd_logout(int argc, char **argv, struct err *e)
{
	struct account a;
	struct options o;
	int rc, certificate;

	if ((rc = cmd_parse(table, "logout [OPTION ...]", NULL, argc, argv, &o,
	    e)) != 0)
		return (rc == 1 ? 0 : -1);
	if (o.nrest > 0)
		return (err_set(e, EX_USAGE, "", "logout takes no argument"));
	if (account_load(&a) == -1)
		a.name[0] = '\0';
	if ((rc = account_forget(e)) == -1 ||
	    (certificate = sshcert_files_forget(e)) == -1)
		return (-1);
	login_drop_cached();
	log_clean(a.name);
	if (rc == 1)
		printf("logged out: %s, tenant %s\n", a.name, a.tenant);
	else
		printf("nobody was logged in\n");
	if (certificate == 1)
		printf("removed: the SSH certificate and its key\n");
	return (0);
}
