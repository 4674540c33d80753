/*
 * Goal: a login is kept whole or not at all, by nobody but us, and a refresh
 * token has one successor.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/account.h"
#include "auth/cloud.h"
#include "relay/err.h"
#include "relay/secret.h"
#include "test/unit/tap.h"

static char top[200], folder[300];
static struct err e;

static const struct account alice = {
	.kind = ACCOUNT_USER, .name = "alice@contoso.test", .tenant = "t-1",
	.client = "c-1", .cloud = "AzureCloud", .authority = "https://login",
};
static const struct account robot = {
	.kind = ACCOUNT_PRINCIPAL, .name = "robot", .tenant = "t-2",
	.client = "robot", .cloud = "AzureCloud", .authority = "https://login",
};

static int
save(const struct account *a, const char *text)
{
	struct secret s = SECRET_INIT;
	int rc;

	e = (struct err)ERR_INIT;
	if (secret_set(&s, text, strlen(text)) == -1)
		abort();
	rc = account_save(a, &s, &e);
	secret_free(&s);
	return (rc);
}

/* Is a logged in, with that secret? */
static int
is_in(const struct account *want, const char *text)
{
	struct secret s = SECRET_INIT;
	struct account a;
	int rc = account_load(&a) == 0 && strcmp(a.kind, want->kind) == 0 &&
	    strcmp(a.name, want->name) == 0 &&
	    strcmp(a.tenant, want->tenant) == 0 &&
	    strcmp(a.client, want->client) == 0 &&
	    strcmp(a.cloud, want->cloud) == 0 &&
	    strcmp(a.authority, want->authority) == 0 &&
	    strcmp(a.certificate, want->certificate) == 0 &&
	    (text == NULL || (account_secret(&a, &s, &e) == 0 &&
	    strcmp(s.data, text) == 0));

	secret_free(&s);
	return (rc);
}

static int
nobody(void)
{
	struct account a;

	return (account_load(&a) == -1);
}

static const char *
path(const char *name)
{
	static char text[400];

	(void)snprintf(text, sizeof(text), "%s/%s", folder, name);
	return (text);
}

/* How many files with a secret there are, and are all of them private? */
static int
secrets(void)
{
	struct stat st;
	int i, n = 0;

	for (i = 0; i < 2; i++)
		if (stat(path(i == 0 ? "login.0" : "login.1"), &st) == 0)
			n += (st.st_mode & 07777) == 0600 ? 1 : 100;
	return (n);
}

static void
write_json(const char *text)
{
	int fd = open(path("account.json"), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd == -1 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		abort();
	(void)close(fd);
}

static void
test_renewing(void)
{
	struct secret s = SECRET_INIT;
	struct account a;
	int lock;

	if (save(&alice, "one") == -1 || account_load(&a) == -1 ||
	    secret_set(&s, "two", 3) == -1)
		abort();
	lock = account_lock(100);
	ok(lock != -1 && account_lock(50) == -1, "one holder at a time");
	ok(account_renew(&a, &s, &e) == 0 && is_in(&alice, "two"),
	    "the successor");
	account_unlock(lock);
	lock = account_lock(100);
	ok(lock != -1, "unlocked");
	account_unlock(lock);

	(void)save(&robot, "secret");
	ok(account_renew(&a, &s, &e) == 0 && is_in(&robot, "secret"),
	    "not into somebody else's login");
	(void)save(&alice, "three");
	ok(account_renew(&a, &s, &e) == 0 && is_in(&alice, "two"),
	    "into the same one's, if it has the same place");
	(void)account_forget(&e);
	ok(account_renew(&a, &s, &e) == 0 && nobody() && secrets() == 0,
	    "not after logging out");
	secret_free(&s);
}

static void
test_damage(void)
{
	static const char *const bad[] = { "", "{", "[]", "{}",
	    "{\"kind\":\"user\"}",
	    "{\"slot\":0,\"kind\":\"king\",\"name\":\"n\",\"tenant\":\"t\","
	    "\"client\":\"c\",\"cloud\":\"x\",\"authority\":\"y\"}",
	    "{\"slot\":2,\"kind\":\"user\",\"name\":\"n\",\"tenant\":\"t\","
	    "\"client\":\"c\",\"cloud\":\"x\",\"authority\":\"y\"}",
	    "{\"slot\":-1,\"kind\":\"user\",\"name\":\"n\",\"tenant\":\"t\","
	    "\"client\":\"c\",\"cloud\":\"x\",\"authority\":\"y\"}",
	    "{\"slot\":0,\"kind\":\"user\",\"name\":\"n\",\"tenant\":\"\","
	    "\"client\":\"c\",\"cloud\":\"x\",\"authority\":\"y\"}",
	    "{\"slot\":0,\"kind\":\"user\",\"name\":\"n\",\"tenant\":\"t\","
	    "\"client\":\"1234567890123456789012345678901234567890\","
	    "\"cloud\":\"x\",\"authority\":\"y\"}" };
	size_t i;

	(void)save(&alice, "one");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		write_json(bad[i]);
		ok(nobody(), "damaged %zu: nobody", i);
	}
	ok(account_forget(&e) == 0 && secrets() == 0 &&
	    access(path("account.json"), F_OK) == -1,
	    "logging out removes what is left of it");

	(void)save(&alice, "one");
	(void)chmod(path("account.json"), 0644);
	ok(nobody(), "readable by others: not to be trusted");
	(void)chmod(path("account.json"), 0600);
	(void)unlink(path("login.0"));
	(void)unlink(path("login.1"));
	{
		struct secret s = SECRET_INIT;
		struct account a;

		e = (struct err)ERR_INIT;
		ok(account_load(&a) == 0 && account_secret(&a, &s, &e) == -1 &&
		    strcmp(e.id, "E301") == 0 && e.status == EX_NOUSER,
		    "its secret is gone");
		secret_free(&s);
	}
}

static void
test_folders(void)
{
	(void)account_forget(&e);
	(void)save(&alice, "one");
	(void)chmod(folder, 0770);
	e = (struct err)ERR_INIT;
	ok(nobody(), "a folder that others can write: nobody");
	ok(save(&robot, "two") == -1 && e.status == EX_CANTCREAT &&
	    e.cause[0] != '\0' && e.fix[0] != '\0', "and nobody new");
	e = (struct err)ERR_INIT;
	ok(account_forget(&e) == -1 && e.status == EX_CANTCREAT,
	    "and none is forgotten");
	(void)chmod(folder, 0700);
	ok(is_in(&alice, "one"), "the former login is whole");
}

/* A name that cannot be replaced: a folder stands there. */
static void
test_failures(void)
{
	int i;

	for (i = 0; i < 2; i++) {
		const char *name = i == 0 ? "login.0" : "login.1";
		struct account a;

		(void)account_forget(&e);
		(void)save(&alice, "one");
		(void)account_load(&a);
		if (a.slot == i)	/* that it will write to */
			(void)save(&alice, "one");
		if (mkdir(path(name), 0700) == -1)
			abort();
		e = (struct err)ERR_INIT;
		ok(save(&robot, "two") == -1 && e.status == EX_CANTCREAT &&
		    is_in(&alice, "one"), "%s cannot be written: as before",
		    name);
		(void)rmdir(path(name));
	}
	(void)unlink(path("account.json"));
	if (mkdir(path("account.json"), 0700) == -1)
		abort();
	ok(save(&robot, "two") == -1 && e.status == EX_CANTCREAT,
	    "account.json cannot be written");
	(void)rmdir(path("account.json"));
	ok(nobody(), "nobody");
}

int
main(void)
{
	struct account cert = robot;
	struct cloud c = { .name = "AzureCloud", .authority = "https://login" };

	(void)snprintf(top, sizeof(top), "%s/account.XXXXXX",
	    getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
	if (mkdtemp(top) == NULL || setenv("XDG_STATE_HOME", top, 1) == -1)
		abort();
	(void)snprintf(folder, sizeof(folder), "%s/arc-relay", top);

	ok(nobody() && account_forget(&e) == 0, "nobody at first");
	ok(save(&alice, "one") == 0 && is_in(&alice, "one") && secrets() == 1,
	    "logged in, mode 0600");
	ok(save(&robot, "two") == 0 && is_in(&robot, "two") && secrets() == 1,
	    "replaced, and the former secret is gone");
	ok(save(&robot, "three") == 0 && is_in(&robot, "three") &&
	    secrets() == 1, "again");
	(void)snprintf(cert.certificate, sizeof(cert.certificate), "/a/b.pem");
	ok(save(&cert, "") == 0 && is_in(&cert, NULL) && secrets() == 0,
	    "with a certificate: no secret");
	ok(account_forget(&e) == 1 && nobody() && account_forget(&e) == 0,
	    "forgotten, once");

	ok(account_is_of(&alice, &c), "the same cloud");
	(void)snprintf(c.name, sizeof(c.name), "other");
	ok(!account_is_of(&alice, &c), "another cloud");
	c = (struct cloud){ .name = "AzureCloud", .authority = "https://evil" };
	ok(!account_is_of(&alice, &c), "another login host");

	test_renewing();
	test_damage();
	test_folders();
	test_failures();
	(void)account_forget(&e);
	return (done_testing());
}
