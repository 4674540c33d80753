/*
 * Environment variables, see env.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/env.h"
#include "relay/secret.h"

static const char *const private_names[] = {
	"AZURE_CLIENT_SECRET",
	"AZURE_CLIENT_CERTIFICATE_PASSWORD",
	"AZURE_PASSWORD",
	"ACTIONS_ID_TOKEN_REQUEST_TOKEN",	/* GitHub Actions */
	"SYSTEM_ACCESSTOKEN",			/* Azure DevOps */
	"IDENTITY_HEADER",			/* App Service */
	"MSI_SECRET",
	"SSHPROXY_RELAY_INFO",
};

#define NPRIVATE	(sizeof(private_names) / sizeof(private_names[0]))

/* What was taken.  Static, as the environment that it is a part of. */
static struct secret taken[NPRIVATE];

/* Which of private_names an assignment or a name is of; NPRIVATE: none. */
static size_t
which(const char *text)
{
	size_t i, len = strcspn(text, "=");

	for (i = 0; i < NPRIVATE; i++)
		if (strlen(private_names[i]) == len &&
		    memcmp(text, private_names[i], len) == 0)
			break;
	return (i);
}

const char *
env_get(const char *name)
{
	size_t i = which(name);
	const char *value = i < NPRIVATE ? taken[i].data : NULL;

	if (value == NULL)
		value = getenv(name);
	return (value != NULL && *value != '\0' ? value : NULL);
}

bool
env_is_private(const char *assignment)
{
	return (which(assignment) < NPRIVATE);
}

static void
forget(void)
{
	size_t i;

	for (i = 0; i < NPRIVATE; i++)
		secret_free(&taken[i]);
}

int
env_take_secrets(void)
{
	static bool done;
	size_t at, i;
	char *value;
	int rc = 0;

	if (!done && atexit(forget) != 0)
		return (-1);
	done = true;
	/* unsetenv moves the others up, so it is not called before the end */
	for (at = 0; environ != NULL && environ[at] != NULL; at++) {
		i = which(environ[at]);
		value = strchr(environ[at], '=');
		if (i == NPRIVATE || value == NULL || *++value == '\0')
			continue;
		/* of two with the same name the first counts, as for getenv */
		if (taken[i].data == NULL &&
		    secret_set(&taken[i], value, strlen(value)) == -1)
			rc = -1;
		secret_wipe(value, strlen(value));
	}
	for (i = 0; i < NPRIVATE; i++)
		(void)unsetenv(private_names[i]);
	return (rc);
}

/* What was taken comes first.  Not secret_malloc: a fork would find it empty. */
char **
env_whole(void)
{
	char **env;
	size_t i, n, size;

	for (n = 0; environ != NULL && environ[n] != NULL; n++)
		;
	if ((env = calloc(NPRIVATE + n + 1, sizeof(*env))) == NULL)
		return (NULL);
	for (i = n = 0; i < NPRIVATE; i++) {
		if (taken[i].data == NULL)
			continue;
		size = strlen(private_names[i]) + 1 + taken[i].len + 1;
		if ((env[n] = malloc(size)) == NULL) {
			env_whole_free(env);
			return (NULL);
		}
		(void)snprintf(env[n++], size, "%s=%s", private_names[i],
		    taken[i].data);
	}
	for (i = 0; environ != NULL && environ[i] != NULL; i++)
		env[n++] = environ[i];
	return (env);
}

void
env_whole_free(char **env)
{
	size_t i, n;

	for (i = n = 0; env != NULL && i < NPRIVATE; i++) {
		if (taken[i].data == NULL || env[n] == NULL)
			continue;
		secret_wipe(env[n], strlen(env[n]));
		free(env[n++]);
	}
	free(env);
}

void
env_forget_secrets(void)
{
	size_t i;

	(void)env_take_secrets();
	for (i = 0; i < NPRIVATE; i++)
		secret_free(&taken[i]);
}
