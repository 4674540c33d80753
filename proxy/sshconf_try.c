/*
 * Asking the real ssh, see sshconf_try.h.
 */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "auth/child.h"
#include "auth/env.h"
#include "proxy/sshconf_try.h"
#include "relay/err.h"
#include "relay/secret.h"

#define LIMIT_MS	60000
#define ANSWER_MAX	(256 * 1024)	/* bytes */

/* The last one; ssh may sum up below it. */
const char *
sshconf_try_telling(const struct secret *said, int *len)
{
	const char *at = said->data != NULL ? said->data : "", *line = at;
	size_t n;

	for (*len = 0; *at != '\0'; at += n + strspn(at + n, "\r\n")) {
		n = strcspn(at, "\r\n");
		if (n == 0 || memmem(at, n, "terminating, ", 13) != NULL)
			continue;
		line = at;
		*len = (int)n;
	}
	return (line);
}

static int
refused(const char *config, const struct secret *said, struct err *e)
{
	int len, skip = (int)strlen(config);
	const char *line = sshconf_try_telling(said, &len);

	/* "FILE: line 3: Bad configuration option: x", "FILE line 3: .." */
	if (len > skip && strncmp(line, config, (size_t)skip) == 0)
		skip += (int)strspn(line + skip, ": ");
	else
		skip = 0;
	return (err_set(e, EX_CONFIG, "", "ssh does not accept %.60s: %.*s",
	    strrchr(config, '/') + 1, len - skip, line + skip));
}

int
sshconf_try(const char *config, const char *host, struct secret *answer,
    struct err *e)
{
	/* SHELL runs each Match exec; and nobody's DNS shall be asked */
	const char *argv[] = { "env", "SHELL=/bin/false", "ssh", "-G", "-F",
	    config, "-o", "CanonicalizeHostname=no", "--", host, NULL };
	struct secret said = SECRET_INIT;
	int status, rc = -1;

	switch (child_run(argv, LIMIT_MS, ANSWER_MAX, answer, &said, &status)) {
	case CHILD_ENDED:
		rc = status == 0 ? 0 : refused(config, &said, e);
		break;
	case CHILD_ABSENT:
		err_set(e, EX_NOINPUT, "E101", "there is no ssh on PATH");
		err_fix(e, "sudo apt install openssh-client");
		break;
	case CHILD_LATE:
		err_set(e, EX_TEMPFAIL, "", "ssh -G did not answer in %d s",
		    LIMIT_MS / 1000);
		break;
	case CHILD_BROKEN:
		err_sys(e, EX_OSERR, "", "cannot run ssh");
		break;
	}
	secret_free(&said);
	return (rc);
}

bool
sshconf_try_says(const struct secret *answer, const char *keyword,
    const char *value)
{
	size_t n = strlen(keyword), len;
	const char *at;

	for (at = answer->data; at != NULL && *at != '\0';
	    at += len + (at[len] != '\0')) {
		len = strcspn(at, "\n");
		if (len > n && strncmp(at, keyword, n) == 0 && at[n] == ' ')
			return (value != NULL && strlen(value) == len - n - 1 &&
			    memcmp(at + n + 1, value, len - n - 1) == 0);
	}
	return (value == NULL);
}

char *
sshconf_try_value(const struct secret *answer, const char *keyword, size_t of,
    char *out, size_t size)
{
	size_t n = strlen(keyword), len;
	const char *at;

	out[0] = '\0';
	for (at = answer->data; at != NULL && *at != '\0';
	    at += len + (at[len] != '\0')) {
		len = strcspn(at, "\n");
		if (len <= n || strncmp(at, keyword, n) != 0 || at[n] != ' ')
			continue;
		if (of-- > 0)
			continue;
		(void)snprintf(out, size, "%.*s", (int)(len - n - 1),
		    at + n + 1);
		break;
	}
	return (out);
}

/* The shell that ssh will run a ProxyCommand with. */
static const char *
user_shell(void)
{
	const char *shell = env_get("SHELL");
	const struct passwd *me;

	if (shell == NULL && (me = getpwuid(getuid())) != NULL)
		shell = me->pw_shell;
	return (shell != NULL ? shell : "");
}

int
sshconf_try_wildcard(struct err *e)
{
	const char *shell = user_shell();
	struct secret answer = SECRET_INIT;
	struct err refusal = ERR_INIT;
	size_t len = strlen(shell);
	int rc;

	if (len < 3 || strcmp(shell + len - 3, "csh") != 0)
		return (0);
	rc = sshconf_try("/dev/null", "a\nb.arc", &answer, &refusal);
	secret_free(&answer);
	if (rc == -1)
		return (0);
	err_set(e, EX_CONFIG, "", "no --wildcard with %s: this ssh takes a host "
	    "name with a line break in it, and the shell would run what comes "
	    "after that", shell);
	return (err_fix(e, "OpenSSH 9.6 or later, or another SHELL"));
}
