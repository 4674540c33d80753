/*
 * The choice of a proxy, see httpproxy.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "relay/err.h"
#include "relay/httpproxy.h"
#include "relay/network.h"
#include "relay/noproxy.h"
#include "relay/percent.h"

#define DEFAULT_PORT	80	/* of http://; curl's 1080 is a proxy of another kind */
#define OPTION		"--proxy"
#define FILE_VARIABLE	"ARC_RELAY_PROXY_AUTH_FILE"
#define LOGIN_MAX	1024	/* bytes of USER:PASSWORD */

static const char *
variable(const char *name)
{
	const char *value = getenv(name);

	if (value != NULL)
		value += strspn(value, " \t");
	return (value != NULL && value[0] != '\0' ? value : NULL);
}

/* The proxy's URL out of the environment and the name of its variable. */
static const char *
from_environment(const char **name)
{
	static const char *const names[] = {
		"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY",
		"http_proxy", "HTTP_PROXY",
	};
	size_t n = sizeof(names) / sizeof(names[0]), i;
	const char *value = NULL;

	if (getenv("REQUEST_METHOD") != NULL)
		n--;
	for (i = 0; i < n && value == NULL; i++) {
		*name = names[i];
		value = variable(names[i]);
	}
	return (value);
}

/* --- the URL: never shown, a part of it may be a password --- */

static int
malformed(const char *from, const char *why, struct err *e)
{
	err_set(e, EX_CONFIG, "E604", "%s names no proxy that can be used: %s",
	    from, why);
	return (err_fix(e, "%s must be http://HOST:PORT or http://USER:PASSWORD"
	    "@HOST:PORT, with %%XX for reserved characters", from));
}

/* text with its %XX decoded; -1: a bad one, or a control character. */
static int
decode(const char *text, size_t len, struct secret *out)
{
	ptrdiff_t n, i;

	if (secret_set(out, text, len) == -1 ||
	    (n = percent_decode(text, len, false, out->data)) == -1)
		return (-1);
	out->data[n] = '\0';
	out->len = (size_t)n;
	for (i = 0; i < n; i++)
		if ((unsigned char)out->data[i] < 0x20 || out->data[i] == 0x7f)
			return (-1);
	return (0);
}

static int
read_login(struct httpproxy *p, const char *text, size_t len)
{
	const char *colon = memchr(text, ':', len);
	size_t user = colon != NULL ? (size_t)(colon - text) : len;
	size_t rest = colon != NULL ? user + 1 : len;

	if (user == 0 || decode(text, user, &p->user) == -1 ||
	    strchr(p->user.data, ':') != NULL)
		return (-1);
	return (decode(text + rest, len - rest, &p->password));
}

static int
read_port(const char *text, size_t len, int *port)
{
	size_t i;

	*port = 0;
	for (i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9' || i >= 5)
			return (-1);
		*port = 10 * *port + text[i] - '0';
	}
	return (*port > 0 && *port <= 65535 ? 0 : -1);
}

/* HOST[:PORT] or [IPv6][:PORT]. */
static int
read_host(struct httpproxy *p, const char *text, size_t len)
{
	const char *host = text, *end;
	size_t n;

	if (len > 0 && text[0] == '[') {
		if ((end = memchr(text, ']', len)) == NULL)
			return (-1);
		host++;
		n = (size_t)(end - host);
		len -= n + 2;
		text = end + 1;
	} else {
		end = memchr(text, ':', len);
		n = end != NULL ? (size_t)(end - text) : len;
		len -= n;
		text += n;
	}
	if (n == 0 || n >= sizeof(p->host))
		return (-1);
	memcpy(p->host, host, n);
	p->host[n] = '\0';
	if (strspn(p->host, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:") != n)
		return (-1);
	p->port = DEFAULT_PORT;
	if (len == 0)
		return (0);
	return (text[0] == ':' ? read_port(text + 1, len - 1, &p->port) : -1);
}

static int
read_url(struct httpproxy *p, const char *url, const char *from, struct err *e)
{
	const char *at = strstr(url, "://"), *host;
	size_t len;

	if (at != NULL && (at - url != 4 || strncasecmp(url, "http", 4) != 0))
		return (malformed(from, strncasecmp(url, "https:", 6) == 0 ?
		    "TLS to the proxy itself is not supported" :
		    strncasecmp(url, "socks", 5) == 0 ?
		    "SOCKS is not supported" :
		    "only http:// is supported", e));
	url = at != NULL ? at + 3 : url;
	for (len = strlen(url); len > 0 && strchr(" \t\r\n", url[len - 1]) !=
	    NULL; len--)
		;
	host = memrchr(url, '@', len);
	if (host != NULL) {
		if (read_login(p, url, (size_t)(host - url)) == -1)
			return (malformed(from, "its user or password cannot "
			    "be read", e));
		p->login_from = from;
		len -= (size_t)(host + 1 - url);
		url = host + 1;
	}
	if (memchr(url, '/', len) == url + len - 1)
		len--;
	if (len == 0 || read_host(p, url, len) == -1)
		return (malformed(from, "its host or port cannot be read", e));
	(void)snprintf(p->name, sizeof(p->name), strchr(p->host, ':') != NULL ?
	    "[%s]:%d (%s)" : "%s:%d (%s)", p->host, p->port, from);
	return (0);
}

/* --- the login from a file --- */

static int
login_error(const char *file, const char *why, struct err *e)
{
	err_set(e, EX_CONFIG, "E603", "the login for the proxy in %.120s: %s",
	    file, why);
	return (err_fix(e, "its first line must be USER:PASSWORD, and only you "
	    "may read it: chmod 600 %.120s", file));
}

static int
read_login_file(struct httpproxy *p, const char *file, struct err *e)
{
	char line[LOGIN_MAX + 2];
	const char *colon;
	struct stat st;
	ssize_t n = -1;
	size_t len;
	int fd, rc = -1;

	fd = open(file, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (fd == -1 || fstat(fd, &st) == -1) {
		login_error(file, strerror(errno), e);
		goto out;
	}
	if (!S_ISREG(st.st_mode)) {
		login_error(file, "not a file", e);
		goto out;
	}
	if ((st.st_mode & 077) != 0) {
		login_error(file, "others can read it", e);
		goto out;
	}
	if ((n = read(fd, line, sizeof(line) - 1)) > 0) {
		line[n] = '\0';
		len = strcspn(line, "\r\n");
		colon = memchr(line, ':', len);
		if (colon != NULL && colon != line && len <= LOGIN_MAX &&
		    secret_set(&p->user, line, (size_t)(colon - line)) == 0 &&
		    secret_set(&p->password, colon + 1,
		    (size_t)(line + len - colon - 1)) == 0)
			rc = 0;
	}
	p->login_from = file;
	if (rc == -1)
		login_error(file, "not USER:PASSWORD", e);
 out:
	secret_wipe(line, sizeof(line));
	if (fd != -1)
		(void)close(fd);
	return (rc);
}

static int
find_login(struct httpproxy *p, const char *said, struct err *e)
{
	const char *file = said[0] != '\0' ? said :
	    p->user.len == 0 ? variable(FILE_VARIABLE) : NULL;

	return (file != NULL ? read_login_file(p, file, e) : 0);
}

/* --- */

int
httpproxy_for(const struct network *net, const char *host, int port,
    struct httpproxy *p, struct err *e)
{
	const char *url = net->proxy, *name = OPTION, *exempt;

	*p = (struct httpproxy)HTTPPROXY_INIT;
	if (url[0] == '\0') {
		if ((url = from_environment(&name)) == NULL)
			return (0);
		if ((exempt = variable("no_proxy")) == NULL)
			exempt = variable("NO_PROXY");
		if (noproxy_has(exempt, host, port))
			return (0);
	} else if (strcasecmp(url, "none") == 0)
		return (0);
	if (read_url(p, url, name, e) == -1) {
		p->host[0] = '\0';
		return (-1);
	}
	return (find_login(p, net->proxy_auth_file, e));
}

int
httpproxy_check(const char *url, struct err *e)
{
	struct httpproxy p = HTTPPROXY_INIT;
	int rc = 0;

	if (strchr(url, '@') != NULL) {
		err_set(e, EX_USAGE, "", "a user and a password for the proxy "
		    "do not belong on a command line, where all can read them");
		rc = err_fix(e, "put USER:PASSWORD into a file of mode 600 and "
		    "name it with --proxy-auth-file");
	} else if (strcasecmp(url, "none") != 0 &&
	    read_url(&p, url, OPTION, e) == -1) {
		e->status = EX_USAGE;	/* as any bad option, without an id */
		e->id[0] = '\0';
		rc = err_fix(e, "it must be http://HOST:PORT, or none");
	}
	httpproxy_free(&p);
	return (rc);
}

void
httpproxy_free(struct httpproxy *p)
{
	secret_free(&p->user);
	secret_free(&p->password);
	*p = (struct httpproxy)HTTPPROXY_INIT;
}
