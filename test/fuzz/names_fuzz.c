/*
 * A file of names that somebody else wrote, and a target that somebody else
 * chose: a machine that is found answers to the target, and what is told can be
 * typed and means the machine that it was told for.
 *
 * Input: the target, a newline, the file; one that does not begin with a brace
 * is the lines, for which a good first line is made.
 */
#include <assert.h>
#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/arc.h"
#include "auth/cache.h"
#include "auth/entry.h"
#include "auth/names.h"
#include "auth/target.h"
#include "relay/err.h"

static struct cache cache;
static char path[400];
static bool sorted;

static void
clean_up(void)
{
	(void)unlink(path);
	cache_close(&cache);
	*strrchr(path, '/') = '\0';
	(void)rmdir(path);
	*strrchr(path, '/') = '\0';
	(void)rmdir(path);
}

static void
start(void)
{
	const char *tmp = getenv("TMPDIR");
	struct cache_key key = cache_key_names("me");
	char top[200];

	(void)snprintf(top, sizeof(top), "%s/names.XXXXXX",
	    tmp != NULL ? tmp : "/tmp");
	if (mkdtemp(top) == NULL || setenv("ARC_RELAY_CACHE_DIR", top, 1) == -1)
		abort();
	cache_open(&cache);
	(void)snprintf(path, sizeof(path), "%s/arc-relay/" NAMES_FILE "%s", top,
	    key.name);
	(void)atexit(clean_up);
}

static void
put(const char *file, size_t len)
{
	FILE *f;

	(void)umask(077);
	if ((f = fopen(path, "w")) == NULL)
		abort();
	if (len == 0 || file[0] != '{')
		(void)fprintf(f, "{\"schema\":1,\"kind\":\"names\",\"key\":"
		    "\"%s\",\"written\":%lld,\"machines\":3,\"bytes\":%zu}\n",
		    strrchr(path, '.') + 1, (long long)entry_now_ms(), len);
	(void)fwrite(file, 1, len, f);
	(void)fclose(f);
}

static void
must_be_clean(const char *text)
{
	const char *p;

	for (p = text; *p != '\0'; p++)
		assert((unsigned char)*p >= 0x80 || isalnum((unsigned char)*p) ||
		    strchr("._-() ", *p) != NULL);
	assert(text[0] != '-' && text[0] != '.' && text[0] != ' ');
}

/* Are the lines in the order of their names? */
static bool
is_sorted(const char *file, size_t len)
{
	const char *end = file + len, *at, *next;
	size_t n, m;
	int order;

	for (at = file; (next = memchr(at, '\n', (size_t)(end - at))) != NULL &&
	    ++next < end; at = next) {
		n = strcspn(at, "\t\n");
		m = strcspn(next, "\t\n");
		order = memcmp(at, next, n < m ? n : m);
		if (order > 0 || (order == 0 && n > m))
			return (false);
	}
	return (true);
}

static void
must_lead_back(void *arg, const char *name, const char *id)
{
	const char *prefix = arg;
	struct err e = ERR_INIT;
	struct arc_id found;
	long age_s;

	assert(strncasecmp(name, prefix, strlen(prefix)) == 0);
	must_be_clean(name);
	assert(strpbrk(name, "() ") == NULL);
	if (sorted && names_find(&cache, "me", name, &found, &age_s, &e) == NAMES_ONE)
		assert(strcmp(found.text, id) == 0);
}

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t len)
{
	const char *nl = memchr(in, '\n', len);
	struct err e = ERR_INIT;
	struct target target;
	struct arc_id id;
	char text[2000], *copy;
	long age_s = -1;

	if (path[0] == '\0')
		start();
	if (nl == NULL || (size_t)(nl - (const char *)in) >= sizeof(text))
		return (0);
	(void)snprintf(text, sizeof(text), "%.*s",
	    (int)(nl - (const char *)in), (const char *)in);
	copy = strndup(nl + 1, len - (size_t)(nl + 1 - (const char *)in));
	sorted = copy != NULL && strlen(copy) == (size_t)((const char *)in +
	    len - nl - 1) && is_sorted(copy, strlen(copy));
	free(copy);
	put(nl + 1, len - (size_t)(nl + 1 - (const char *)in));
	(void)names_each(&cache, "me", text, must_lead_back, text);
	if (target_parse(text, &target, &e) == -1) {
		assert(e.status != 0 && target.text[0] == '\0');
		return (0);
	}
	if (target.is_id)
		return (0);
	must_be_clean(target.text);
	switch (names_find(&cache, "me", target.text, &id, &age_s, &e)) {
	case NAMES_ONE:
		assert(strncasecmp(text, id.name, strlen(id.name)) == 0 &&
		    strchr(".", text[strlen(id.name)]) != NULL);
		break;
	case NAMES_MANY:
	case NAMES_NONE:
		assert(e.status == EX_NOHOST && age_s >= 0);
		break;
	case NAMES_MISS:
		break;
	}
	return (0);
}
