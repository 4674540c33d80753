/*
 * What is kept from one start to the next, see cache.h.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "auth/cache.h"
#include "relay/secret.h"

#define SCHEMA		"arc-relay cache 1"	/* another one: other entries */

static bool
is_folder(const char *path)
{
	struct stat st;

	return (path != NULL && path[0] == '/' && stat(path, &st) == 0 &&
	    S_ISDIR(st.st_mode));
}

void
cache_open(struct cache *c)
{
	const char *run = getenv("XDG_RUNTIME_DIR");
	const char *cache = getenv("XDG_CACHE_HOME");
	char below_home[1024];

	*c = (struct cache){ .folder = FOLDER_INIT };
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

struct cache_key
cache_key_relay(const char *cloud_name, const char *resource_id, int port)
{
	const char *tenant = getenv("AZURE_TENANT_ID");
	const char *client = getenv("AZURE_CLIENT_ID");
	struct cache_key key = { "" };
	char text[4096], *p;
	int len;

	len = snprintf(text, sizeof(text), SCHEMA "\n%s\n%s\n%s\n%s\nSSH\n%d\n",
	    cloud_name, tenant != NULL ? tenant : "",
	    client != NULL ? client : "", resource_id, port);
	if ((size_t)len >= sizeof(text))
		return (key);	/* names no file: always a miss */
	for (p = text; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	crypto_sha256_hex(text, (size_t)len, key.name);
	return (key);
}

int
cache_read(const struct cache *c, const struct cache_key *key,
    struct secret *out)
{
	return (folder_read(&c->folder, key->name, out));
}

int
cache_write(const struct cache *c, const struct cache_key *key,
    const struct secret *data)
{
	folder_sweep(&c->folder);
	return (folder_write(&c->folder, key->name, data));
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
