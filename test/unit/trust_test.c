/*
 * Which certificates are trusted, and what is refused before it is used.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "relay/err.h"
#include "relay/network.h"
#include "relay/trust.h"
#include "test/unit/tap.h"

#define PEM	"some text\n-----BEGIN CERTIFICATE-----\nMII=\n" \
		"-----END CERTIFICATE-----\n"

static char folder[512], file[600];
static struct trust t;
static struct err e;

static void
put(const char *text, mode_t mode)
{
	FILE *f = fopen(file, "w");

	if (f == NULL || fputs(text, f) == EOF || fclose(f) != 0 ||
	    chmod(file, mode) == -1)
		abort();
}

static int
ask(const char *ca_file, const char *cert_file, const char *cert_dir)
{
	struct network net = { .ca_file = "" };

	e = (struct err)ERR_INIT;
	(void)snprintf(net.ca_file, sizeof(net.ca_file), "%s", ca_file);
	(void)setenv("SSL_CERT_FILE", cert_file, 1);
	(void)setenv("SSL_CERT_DIR", cert_dir, 1);
	return (trust_find(&net, &t, &e));
}

static int
refuses(int rc, const char *name, const char *why)
{
	return (rc == -1 && e.status == EX_CONFIG &&
	    strcmp(e.id, "E605") == 0 && strstr(e.cause, name) != NULL &&
	    strstr(e.cause, why) != NULL && e.fix[0] != '\0');
}

static void
test_choice(void)
{
	put(PEM, 0644);
	ok(ask("", "", "") == 0 && t.only[0] == '\0' && t.also[0] == '\0' &&
	    (t.dir[0] != '\0') != (t.bundle[0] != '\0'),
	    "the system's: folder or bundle, not both: %s%s", t.dir, t.bundle);
	ok(ask(file, "/nowhere", "/nowhere") == 0 &&
	    strcmp(t.only, file) == 0 && t.also[0] == '\0' &&
	    t.dir[0] == '\0' && t.bundle[0] == '\0',
	    "--ca-file alone; variables are not even looked at");
	ok(ask("", file, "") == 0 && strcmp(t.also, file) == 0 &&
	    (t.dir[0] != '\0' || t.bundle[0] != '\0'),
	    "SSL_CERT_FILE beside the system's");
	ok(ask("", "", folder) == 0 && strcmp(t.dir, folder) == 0 &&
	    t.bundle[0] == '\0' && t.also[0] == '\0',
	    "SSL_CERT_DIR instead of the system's");
	ok(ask("", file, folder) == 0 && strcmp(t.dir, folder) == 0 &&
	    strcmp(t.also, file) == 0 && t.bundle[0] == '\0', "both");
	(void)unsetenv("SSL_CERT_FILE");
	(void)unsetenv("SSL_CERT_DIR");
	ok(trust_find(&(struct network){ .ca_file = "" }, &t, &e) == 0 &&
	    t.also[0] == '\0', "no variable at all");
}

static void
test_files(void)
{
	static const char *const names[] = { "--ca-file", "SSL_CERT_FILE" };
	char path[600];
	size_t i;
	int rc;

	for (i = 0; i < 2; i++) {
#define ASK(path)	(i == 0 ? ask(path, "", "") : ask("", path, ""))
		ok(refuses(ASK("/nowhere/ca.pem"), names[i],
		    "/nowhere/ca.pem"), "%s absent: %s", names[i], e.cause);
		ok(refuses(ASK(folder), names[i], "not a file"),
		    "%s a folder: %s", names[i], e.cause);
		put("", 0644);
		ok(refuses(ASK(file), names[i], "no certificate"),
		    "%s empty: %s", names[i], e.cause);
		put("-----BEGIN PRIVATE KEY-----\n", 0644);
		ok(refuses(ASK(file), names[i], "no certificate"),
		    "%s a key", names[i]);
		put("-----BEGIN CERTIFICATE REQUEST-----\n", 0644);
		ok(refuses(ASK(file), names[i], "no certificate"),
		    "%s a request", names[i]);
		put(PEM, 0646);
		ok(refuses(ASK(file), names[i], "everybody"),
		    "%s writable by all: %s", names[i], e.cause);
		put(PEM, 0000);
		rc = ASK(file);
		ok(geteuid() == 0 || refuses(rc, names[i], "denied"),
		    "%s unreadable", names[i]);
		(void)snprintf(path, sizeof(path), "%s/fifo", folder);
		if (mkfifo(path, 0600) == -1)
			abort();
		ok(refuses(ASK(path), names[i], "not a file"),
		    "%s a pipe, without a hang", names[i]);
		(void)unlink(path);
	}
	put(PEM, 0644);
	ok(refuses(ask("", "ca.pem", ""), "SSL_CERT_FILE", "absolute"),
	    "SSL_CERT_FILE relative: %s", e.cause);
}

static void
test_dirs(void)
{
	char list[1200], longest[3000];

	ok(refuses(ask("", "", "certs"), "SSL_CERT_DIR", "absolute"),
	    "SSL_CERT_DIR relative");
	ok(refuses(ask("", "", "/nowhere"), "SSL_CERT_DIR", "/nowhere"),
	    "absent");
	ok(refuses(ask("", "", file), "SSL_CERT_DIR", "not a folder"),
	    "a file: %s", e.cause);
	(void)snprintf(list, sizeof(list), "%s:/", folder);
	ok(ask("", "", list) == 0 && strcmp(t.dir, list) == 0, "two folders");
	(void)snprintf(list, sizeof(list), "%s:/nowhere", folder);
	ok(refuses(ask("", "", list), "SSL_CERT_DIR", "/nowhere"),
	    "the second is absent");
	(void)snprintf(list, sizeof(list), "%s:certs", folder);
	ok(refuses(ask("", "", list), "SSL_CERT_DIR", "absolute"),
	    "the second is relative");
	if (chmod(folder, 0777) == -1)
		abort();
	ok(refuses(ask("", "", folder), "SSL_CERT_DIR", "everybody"),
	    "writable by all");
	(void)chmod(folder, 0700);
	memset(longest, 'x', sizeof(longest) - 1);
	longest[0] = '/';
	longest[sizeof(longest) - 1] = '\0';
	ok(refuses(ask("", "", longest), "SSL_CERT_DIR", "too long"),
	    "too long");
}

int
main(void)
{
	(void)snprintf(folder, sizeof(folder), "%s/trust_test.XXXXXX",
	    getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
	if (mkdtemp(folder) == NULL)
		abort();
	(void)snprintf(file, sizeof(file), "%s/ca.pem", folder);
	test_choice();
	test_files();
	test_dirs();
	(void)unlink(file);
	(void)rmdir(folder);
	return (done_testing());
}
