/*
 * What is kept from one start to the next, see cache.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "auth/cache.h"
#include "auth/names.h"
#include "auth/text.h"
#include "relay/log.h"
#include "relay/network.h"
#include "relay/secret.h"

#define SCHEMA		"arc-relay cache 2"	/* another one: other entries */
#define OLD_S		(25 * 3600)	/* no entry is good that long */
#define SWEEP_S		600		/* between two sweeps */

static bool
is_folder(const char *path)
{
	struct stat st;

	return (path != NULL && path[0] == '/' && stat(path, &st) == 0 &&
	    S_ISDIR(st.st_mode));
}

bool
cache_is_wanted(bool no_cache)
{
	const char *forbidden = getenv("ARC_RELAY_NO_CACHE");

	return (!no_cache && (forbidden == NULL || forbidden[0] == '\0' ||
	    strcmp(forbidden, "0") == 0));
}

void
cache_open(struct cache *c)
{
	const char *named = getenv("ARC_RELAY_CACHE_DIR");
	const char *run = getenv("XDG_RUNTIME_DIR");
	const char *cache = getenv("XDG_CACHE_HOME");
	char below_home[1024];

	*c = (struct cache){ .folder = FOLDER_INIT };
	if (named != NULL && named[0] != '\0') {
		if (named[0] == '/')
			(void)folder_open(&c->folder, named);
		else
			(void)snprintf(c->folder.why, sizeof(c->folder.why),
			    "ARC_RELAY_CACHE_DIR does not begin with a slash");
		return;
	}
	/* the system makes this one, at login, in memory */
	if (is_folder(run) && folder_open(&c->folder, run) == 0)
		return;
	/* XDG says: a relative path is to be ignored */
	if (cache != NULL && cache[0] == '/')
		(void)folder_open(&c->folder, cache);
	else if (folder_home(&c->folder, ".cache", below_home,
	    sizeof(below_home)) == 0)
		(void)folder_open(&c->folder, below_home);
}

void
cache_close(struct cache *c)
{
	folder_close(&c->folder);
}

bool
cache_works(const struct cache *c)
{
	return (c->folder.fd != -1);
}

static bool warned;	/* once a process: who opens it twice has one cause */

static void
warn(const char *why)
{
	warned = true;
	log_always("warning", "working without a cache: %s. fix: set "
	    "ARC_RELAY_CACHE_DIR to a folder of yours, or use --no-cache "
	    "[E112]", why);
}

void
cache_warn(const struct cache *c)
{
	if (!cache_works(c) && !warned)
		warn(c->folder.why);
}

static struct cache_key
key_of(const char *kind, const char *identity, const char *what)
{
	struct cache_key key = { "" };
	char text[4096];
	int len;

	len = snprintf(text, sizeof(text), SCHEMA "\n%s\n%s\n%s\n", kind,
	    identity, what);
	if ((size_t)len >= sizeof(text) || identity[0] == '\0')
		return (key);
	text_lower(text);
	crypto_sha256_hex(text, (size_t)len, key.name);
	return (key);
}

struct cache_key
cache_key_token(const char *identity)
{
	return (key_of("token", identity, ""));
}

struct cache_key
cache_key_names(const char *identity)
{
	return (key_of("names", identity, ""));
}

struct cache_key
cache_key_relay(const char *identity, const char *resource_id, int port)
{
	char what[2048];

	(void)snprintf(what, sizeof(what), "SSH\n%d\n%s", port, resource_id);
	return (key_of("relay", identity, what));
}

struct cache_key
cache_key_file(const char *path)
{
	return (key_of("file", path, ""));
}

const char *
cache_network(const struct network *net, char out[SHA256_HEX + 1])
{
	static const char *const names[] = {
		"HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy",
		"HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy",
		"ARC_RELAY_PROXY_AUTH_FILE", "SSL_CERT_FILE", "SSL_CERT_DIR",
	};
	char text[4096];
	size_t i, len;

	len = (size_t)snprintf(text, sizeof(text), "%s\n%s\n%s\n",
	    net->ca_file, net->proxy, net->proxy_auth_file);
	for (i = 0; i < sizeof(names) / sizeof(names[0]) &&
	    len < sizeof(text); i++) {
		const char *value = getenv(names[i]);

		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s\n",
		    value != NULL ? value : "");
	}
	crypto_sha256_hex(text, strnlen(text, sizeof(text)), out);
	secret_wipe(text, sizeof(text));	/* a proxy's password */
	return (out);
}

int
cache_read(const struct cache *c, const struct cache_key *key,
    struct secret *out)
{
	return (folder_read(&c->folder, key->name, CACHE_ENTRY_MAX, out));
}

/* Too old to be good still. */
static void
drop_old(void *arg, const char *name, time_t written)
{
	const struct cache *c = arg;

	if ((strlen(name) == SHA256_HEX && time(NULL) - written > OLD_S) ||
	    (strncmp(name, NAMES_FILE, strlen(NAMES_FILE)) == 0 &&
	    time(NULL) - written > NAMES_KEEP_S))
		(void)folder_drop(&c->folder, name);
}

/* Not at each write: 10,000 machines are 20,000 files to look at. */
static void
sweep(struct cache *c)
{
	static const char stamp[] = ".swept";
	struct secret dot = SECRET_INIT;
	struct stat st;

	if (fstatat(c->folder.fd, stamp, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    llabs((long long)time(NULL) - st.st_mtime) < SWEEP_S)
		return;
	if (secret_set(&dot, ".", 1) == 0 &&
	    folder_write(&c->folder, stamp, CACHE_ENTRY_MAX, &dot) == 0) {
		folder_sweep(&c->folder);
		folder_each(&c->folder, drop_old, c);
	}
	secret_free(&dot);
}

int
cache_write(struct cache *c, const struct cache_key *key,
    const struct secret *data)
{
	char why[sizeof(c->folder.why)];

	if (!cache_works(c) || key->name[0] == '\0')
		return (-1);
	sweep(c);
	if (folder_write(&c->folder, key->name, CACHE_ENTRY_MAX, data) == 0)
		return (0);
	(void)snprintf(why, sizeof(why), "it cannot be written: %s",
	    strerror(errno));
	if (!warned)
		warn(why);
	return (-1);
}

void
cache_drop(const struct cache *c, const struct cache_key *key)
{
	(void)folder_drop(&c->folder, key->name);
}

int
cache_lock(const struct cache *c, const struct cache_key *key, int wait_ms)
{
	return (folder_lock(&c->folder, key->name, wait_ms));
}

void
cache_unlock(int lock)
{
	folder_unlock(lock);
}
