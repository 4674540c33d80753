/*
 * Where arc-relay config puts what it writes, see config_places.h.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "auth/folder.h"
#include "proxy/config_places.h"
#include "proxy/sshconf_include.h"
#include "relay/err.h"

static bool
below_home(const struct config_places *p, const char *name,
    char out[PATH_MAX])
{
	return ((size_t)snprintf(out, PATH_MAX, "%s/%s", p->home, name) <
	    PATH_MAX);
}

int
config_places(const char *file, struct config_places *p, struct err *e)
{
	struct folder home = FOLDER_INIT;
	size_t len;

	*p = (struct config_places){ .home = "" };
	if (folder_home(&home, "", p->home, sizeof(p->home)) == -1) {
		err_set(e, EX_CONFIG, "", "there is no home for ~/.ssh: %s",
		    home.why);
		return (err_fix(e, "HOME=FOLDER arc-relay config .."));
	}
	for (len = strlen(p->home); len > 0 && p->home[len - 1] == '/'; len--)
		p->home[len - 1] = '\0';
	if (!below_home(p, ".ssh", p->ssh) ||
	    !below_home(p, ".ssh/config", p->config) ||
	    !below_home(p, ".ssh/config.arc-relay.bak", p->backup) ||
	    !below_home(p, ".ssh/known_hosts.arc", p->known_hosts) ||
	    (file == NULL && (!below_home(p, ".ssh/config.d", p->folder) ||
	    !below_home(p, ".ssh/config.d/arc-relay.conf", p->ours))))
		return (err_set(e, EX_CONFIG, "", "HOME is too long"));
	if (file != NULL)
		(void)snprintf(p->ours, sizeof(p->ours), "%s", file);
	len = strlen(p->ours);
	if (len == 0 || p->ours[len - 1] == '/')
		return (err_set(e, EX_USAGE, "", "--file needs the name of a "
		    "file, not \"%.80s\"", p->ours));
	if (strcmp(p->ours, p->config) == 0)
		return (err_set(e, EX_USAGE, "", "--file is for a file of its "
		    "own, which ~/.ssh/config will include"));
	return (include_check(p->ours, e));
}

const char *
config_tilde(const struct config_places *p, const char *path,
    char out[PATH_MAX])
{
	size_t n = strlen(p->home);
	bool below = strncmp(path, p->home, n) == 0 && path[n] == '/';

	(void)snprintf(out, PATH_MAX, "%s%s", below ? "~" : "",
	    below ? path + n : path);
	return (out);
}
