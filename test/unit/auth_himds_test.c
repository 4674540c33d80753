/*
 * Goal: no challenge makes us open, let alone send, anything but a key of the
 * Azure Arc agent.
 */
#include <errno.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "auth/himds.h"
#include "relay/err.h"
#include "relay/secret.h"
#include "test/unit/tap.h"

#define FOLDER	"/var/opt/azcmagent/tokens"
#define GUID	"0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"
#define X10	"xxxxxxxxxx"
#define X70	X10 X10 X10 X10 X10 X10 X10

static void
test_good_challenges(void)
{
	static const struct { const char *challenge, *name; } rows[] = {
		{ "Basic realm=" FOLDER "/" GUID ".key", GUID ".key" },
		{ "basic Realm=" FOLDER "/A.key", "A.key" },
		{ "Basic realm=" FOLDER "/" X70 "xxxxx.key", X70 "xxxxx.key" },
	};
	char name[HIMDS_NAME_MAX];
	struct err e = ERR_INIT;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ok(himds_challenge(rows[i].challenge, HIMDS_FOLDER, name,
		    &e) == 0 && strcmp(name, rows[i].name) == 0,
		    "good: %s", rows[i].challenge);
}

static void
test_hostile_challenges(void)
{
	static const char *const rows[] = {
		"", "Basic", "Basic realm", "Basic realm=", "Basic  realm=" FOLDER
		    "/a.key", "Bearer realm=" FOLDER "/a.key",
		"Digest realm=" FOLDER "/a.key", FOLDER "/a.key",
		"Basic realm=\"" FOLDER "/a.key\"",
		"Basic realm= " FOLDER "/a.key",
		"Basic realm=/etc/shadow", "Basic realm=/etc/shadow.key",
		"Basic realm=" FOLDER, "Basic realm=" FOLDER "/",
		"Basic realm=" FOLDER "/.key", "Basic realm=" FOLDER "/a",
		"Basic realm=" FOLDER "/a.pem", "Basic realm=" FOLDER "/a.KEY",
		"Basic realm=" FOLDER "/a.key/", "Basic realm=" FOLDER "/a.key ",
		"Basic realm=" FOLDER "/a.key, Basic realm=/etc/shadow",
		"Basic realm=" FOLDER "//a.key", "Basic realm=" FOLDER "/./a.key",
		"Basic realm=" FOLDER "/../a.key",
		"Basic realm=" FOLDER "/..key", "Basic realm=" FOLDER "/...key",
		"Basic realm=" FOLDER "/../../../../etc/shadow.key",
		"Basic realm=" FOLDER "/sub/a.key",
		"Basic realm=" FOLDER "s/a.key", "Basic realm=" FOLDER "a.key",
		"Basic realm=/VAR/OPT/azcmagent/tokens/a.key",
		"Basic realm=//var/opt/azcmagent/tokens/a.key",
		"Basic realm=/var/opt/../opt/azcmagent/tokens/a.key",
		"Basic realm=/./var/opt/azcmagent/tokens/a.key",
		"Basic realm=var/opt/azcmagent/tokens/a.key",
		"Basic realm=file:///var/opt/azcmagent/tokens/a.key",
		"Basic realm=~/a.key", "Basic realm=a.key",
		"Basic realm=" FOLDER "/a%2fb.key", "Basic realm=" FOLDER "/a b.key",
		"Basic realm=" FOLDER "/a_b.key", "Basic realm=" FOLDER "/a.b.key",
		"Basic realm=" FOLDER "/a\tb.key", "Basic realm=" FOLDER "/a\nb.key",
		"Basic realm=" FOLDER "/\303\244.key",
		"Basic realm=" FOLDER "/a$(id).key", "Basic realm=" FOLDER "/*.key",
		"Basic realm=" FOLDER "/" X70 "xxxxxx.key",
		"Basic realm=" FOLDER "/" X70 X70 X70 X70 ".key",
	};
	char name[HIMDS_NAME_MAX];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err e = ERR_INIT;

		ok(himds_challenge(rows[i], HIMDS_FOLDER, name, &e) == -1 &&
		    name[0] == '\0' && e.status == EX_PROTOCOL &&
		    strcmp(e.id, "E412") == 0,
		    "hostile %zu: %.100s", i, e.cause);
	}
}

/* A file of the folder with n times the byte c. */
static void
put(const char *folder, const char *name, int c, size_t n)
{
	char path[300];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	if ((f = fopen(path, "w")) == NULL)
		return;
	while (n-- > 0)
		(void)fputc(c, f);
	(void)fclose(f);
}

/* What himds_key says: "" when it gives a key of len bytes. */
static const char *
key(const char *folder, const char *name, size_t len)
{
	static struct err e;
	struct secret out = SECRET_INIT;
	int rc = himds_key(folder, name, &out, &e);
	bool as_said = rc == 0 ? out.len == len : out.data == NULL;

	secret_free(&out);
	if (!as_said)
		return ("?");
	/* refused for what it is, not for what is in it */
	if (rc == -1 && strstr(e.cause, strerror(EINVAL)) != NULL)
		return ("EINVAL");
	return (rc == 0 ? "" : e.id);
}

static void
test_files(const char *folder)
{
	char path[300], link[300];

	put(folder, "good.key", 'k', 64);
	put(folder, "largest.key", 'k', HIMDS_KEY_MAX);
	put(folder, "larger.key", 'k', HIMDS_KEY_MAX + 1);
	put(folder, "huge.key", 'k', 3 * HIMDS_KEY_MAX);
	put(folder, "empty.key", 'k', 0);
	put(folder, "blank.key", ' ', 3);
	put(folder, "newline.key", '\n', 1);
	put(folder, "zero.key", '\0', 3);
	put(folder, "high.key", 0xe4, 3);
	ok(strcmp(key(folder, "good.key", 64), "") == 0, "a key");
	ok(strcmp(key(folder, "largest.key", HIMDS_KEY_MAX), "") == 0,
	    "the largest one");
	ok(strcmp(key(folder, "larger.key", 0), "E412") == 0 &&
	    strcmp(key(folder, "huge.key", 0), "E412") == 0, "larger ones");
	ok(strcmp(key(folder, "empty.key", 0), "E412") == 0, "an empty one");
	ok(strcmp(key(folder, "blank.key", 0), "E412") == 0 &&
	    strcmp(key(folder, "newline.key", 0), "E412") == 0 &&
	    strcmp(key(folder, "zero.key", 0), "E412") == 0 &&
	    strcmp(key(folder, "high.key", 0), "E412") == 0,
	    "what no header can carry");
	ok(strcmp(key(folder, "none.key", 0), "E412") == 0, "none");
	ok(strcmp(key(folder, "../x/good.key", 0), "EINVAL") == 0 &&
	    strcmp(key(folder, "/etc/passwd", 0), "EINVAL") == 0,
	    "a path for a name");

	(void)snprintf(path, sizeof(path), "%s/good.key", folder);
	(void)snprintf(link, sizeof(link), "%s/link.key", folder);
	ok(symlink(path, link) == 0 &&
	    strcmp(key(folder, "link.key", 0), "E412") == 0, "a link");
	(void)snprintf(path, sizeof(path), "%s/fifo.key", folder);
	ok(mkfifo(path, 0600) == 0 &&
	    strcmp(key(folder, "fifo.key", 0), "EINVAL") == 0,
	    "a FIFO, without waiting");
	(void)snprintf(path, sizeof(path), "%s/folder.key", folder);
	ok(mkdir(path, 0700) == 0 &&
	    strcmp(key(folder, "folder.key", 0), "EINVAL") == 0, "a folder");
	(void)snprintf(link, sizeof(link), "%s.link", folder);
	ok(symlink(folder, link) == 0 &&
	    strcmp(key(link, "good.key", 0), "E412") == 0,
	    "a folder that is a link");
	(void)snprintf(path, sizeof(path), "%s/good.key", folder);
	ok(strcmp(key(path, "good.key", 0), "E412") == 0,
	    "a folder that is a file");
}

/* Root may read everything: as one who may not, then. */
static void
drop_privileges(void)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct none[2] = { { 0, 0, 0 }, { 0, 0, 0 } };

	(void)syscall(SYS_capset, &head, none);
}

static void
test_permissions(const char *folder)
{
	char path[300];

	(void)snprintf(path, sizeof(path), "%s/good.key", folder);
	drop_privileges();
	ok(strcmp(key(folder, "good.key", 64), "") == 0, "a key once more");
	(void)chmod(folder, 0100);
	ok(strcmp(key(folder, "good.key", 64), "") == 0,
	    "in a folder that we may not list");
	(void)chmod(path, 0);
	ok(strcmp(key(folder, "good.key", 0), "E310") == 0,
	    "a file that we may not read");
	(void)chmod(folder, 0);
	ok(strcmp(key(folder, "good.key", 0), "E310") == 0,
	    "in a folder that we may not enter");
	(void)chmod(folder, 0700);	/* for whoever removes it */
}

int
main(void)
{
	char top[200], folder[220];
	const char *tmp = getenv("TMPDIR");

	(void)snprintf(top, sizeof(top), "%s/himds.XXXXXX",
	    tmp != NULL ? tmp : "/tmp");
	test_good_challenges();
	test_hostile_challenges();
	if (mkdtemp(top) == NULL)
		return (1);
	(void)snprintf(folder, sizeof(folder), "%s/x", top);
	(void)mkdir(folder, 0700);
	test_files(folder);
	test_permissions(folder);
	return (done_testing());
}
