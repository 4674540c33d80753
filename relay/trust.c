/*
 * Trusted certificates, see trust.h.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "relay/err.h"
#include "relay/log.h"
#include "relay/network.h"
#include "relay/trust.h"

#define CERTIFICATES	"/etc/ssl/certs"
#define FILE_VARIABLE	"SSL_CERT_FILE"
#define DIR_VARIABLE	"SSL_CERT_DIR"

static const char *const bundles[] = {
	"/etc/ssl/certs/ca-certificates.crt",	/* Debian, Alpine */
	"/etc/pki/tls/certs/ca-bundle.crt",	/* Fedora */
	"/etc/ssl/cert.pem",			/* BSD, macOS */
};

static int
untrusted(const char *from, const char *path, const char *why, struct err *e)
{
	err_set(e, EX_CONFIG, "E605", "cannot take certificates from %.150s "
	    "(%s): %s", path, from, why);
	return (err_fix(e, "name a good one, in PEM, or none"));
}

/* Has the file a line that begins a certificate? */
static bool
has_certificate(FILE *file)
{
	char line[256];

	while (fgets(line, sizeof(line), file) != NULL)
		if (strncmp(line, "-----BEGIN ", 11) == 0 &&
		    strstr(line, "CERTIFICATE-----") != NULL)
			return (true);
	return (false);
}

static int
check_file(const char *path, const char *from, struct err *e)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	const char *why = NULL;
	FILE *file = NULL;
	struct stat st;

	if (fd == -1 || fstat(fd, &st) == -1)
		why = strerror(errno);
	else if (!S_ISREG(st.st_mode))
		why = "it is not a file";
	else if ((st.st_mode & S_IWOTH) != 0)
		why = "everybody can write to it";
	else if ((file = fdopen(fd, "r")) == NULL)
		why = strerror(errno);
	else if (!has_certificate(file))
		why = "there is no certificate in it";
	if (file != NULL)
		(void)fclose(file);
	else if (fd != -1)
		(void)close(fd);
	return (why != NULL ? untrusted(from, path, why, e) : 0);
}

static int
check_dir(const char *path, const char *from, struct err *e)
{
	struct stat st;

	if (path[0] != '/')
		return (untrusted(from, path, "it is not an absolute path", e));
	if (stat(path, &st) == -1)
		return (untrusted(from, path, strerror(errno), e));
	if (!S_ISDIR(st.st_mode))
		return (untrusted(from, path, "it is not a folder", e));
	if (access(path, R_OK | X_OK) == -1)
		return (untrusted(from, path, strerror(errno), e));
	if ((st.st_mode & S_IWOTH) != 0)
		return (untrusted(from, path, "everybody can write to it", e));
	return (0);
}

static int
check_dirs(const char *list, const char *from, struct err *e)
{
	char path[TRUST_PATH_MAX];
	size_t n;

	for (;; list += n + 1) {
		n = strcspn(list, ":");
		(void)snprintf(path, sizeof(path), "%.*s", (int)n, list);
		if (n > 0 && check_dir(path, from, e) == -1)
			return (-1);
		if (list[n] == '\0')
			return (0);
	}
}

/* A variable's value, if it is a path of bearable length; "" if it is not set. */
static int
variable(const char *name, char *out, struct err *e)
{
	const char *value = secure_getenv(name);

	(void)snprintf(out, TRUST_PATH_MAX, "%s", value != NULL ? value : "");
	if (value == NULL || value[0] == '\0')
		return (0);
	if (value[0] != '/')
		return (untrusted(name, value, "it is not an absolute path", e));
	if (strlen(value) >= TRUST_PATH_MAX)
		return (untrusted(name, value, "the path is too long", e));
	return (0);
}

/* Certificates by hash, as c_rehash(1) makes them? */
static bool
is_hashed(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *entry;
	bool found = false;

	if (d == NULL)
		return (false);
	while (!found && (entry = readdir(d)) != NULL)
		found = strlen(entry->d_name) == 10 &&
		    strspn(entry->d_name, "0123456789abcdef") == 8 &&
		    entry->d_name[8] == '.';
	(void)closedir(d);
	return (found);
}

static int
find_system(struct trust *t, struct err *e)
{
	size_t i;

	if (is_hashed(CERTIFICATES)) {
		(void)snprintf(t->dir, sizeof(t->dir), "%s", CERTIFICATES);
		return (0);
	}
	for (i = 0; i < sizeof(bundles) / sizeof(bundles[0]); i++)
		if (access(bundles[i], R_OK) == 0) {
			(void)snprintf(t->bundle, sizeof(t->bundle), "%s",
			    bundles[i]);
			return (0);
		}
	if (t->also[0] != '\0')
		return (0);
	err_set(e, EX_CONFIG, "E605", "no trusted certificates are installed");
	return (err_fix(e, "install the package ca-certificates, or give "
	    "--ca-file FILE"));
}

int
trust_find(const struct network *net, struct trust *t, struct err *e)
{
	*t = (struct trust){ .only = "" };
	if (net->ca_file[0] != '\0') {
		(void)snprintf(t->only, sizeof(t->only), "%s", net->ca_file);
		return (check_file(t->only, "--ca-file, caFile", e));
	}
	if (variable(FILE_VARIABLE, t->also, e) == -1 ||
	    variable(DIR_VARIABLE, t->dir, e) == -1 ||
	    (t->also[0] != '\0' && check_file(t->also, FILE_VARIABLE, e) == -1))
		return (-1);
	if (t->dir[0] != '\0')
		return (check_dirs(t->dir, DIR_VARIABLE, e));
	return (find_system(t, e));
}

void
trust_log(const struct trust *t)
{
	if (t->only[0] != '\0')
		log_verbose("trusting the certificates in %s only", t->only);
	else
		log_verbose("trusting the certificates in %s%s%s", t->dir[0] !=
		    '\0' ? t->dir : t->bundle, t->also[0] != '\0' ? " and " :
		    "", t->also);
}
