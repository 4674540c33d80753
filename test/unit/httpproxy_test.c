/*
 * Which proxy, for which host, and what is said when it fails.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "relay/err.h"
#include "relay/httpproxy.h"
#include "relay/network.h"
#include "relay/noproxy.h"
#include "test/unit/tap.h"

static struct httpproxy p;
static struct err e;
static char login_file[512];

/* --- NO_PROXY --- */

static void
test_noproxy(void)
{
	static const struct {
		const char *list, *host;
		int port, has;
	} rows[] = {
		{ "*", "ns1.servicebus.windows.net", 443, 1 },
		{ "a.test,*", "b.test", 443, 1 },
		{ "*:443", "b.test", 443, 1 },
		{ "*:443", "b.test", 8443, 0 },
		{ "", "a.test", 443, 0 },
		{ ",", "a.test", 443, 0 },
		{ " , \t,", "a.test", 443, 0 },
		{ "a.test", "a.test", 443, 1 },
		{ "A.Test", "a.tEST", 443, 1 },
		{ "a.test", "b.a.test", 443, 1 },
		{ "a.test", "c.b.a.test", 443, 1 },
		{ "a.test", "ba.test", 443, 0 },
		{ "a.test", "test", 443, 0 },
		{ "a.test", "a.test.evil", 443, 0 },
		{ ".a.test", "b.a.test", 443, 1 },
		{ ".a.test", "a.test", 443, 1 },
		{ ".a.test", "ba.test", 443, 0 },
		{ "*.a.test", "b.a.test", 443, 1 },
		{ "*.a.test", "ba.test", 443, 0 },
		{ "*a.test", "ba.test", 443, 0 },
		{ "a.*", "a.test", 443, 0 },
		{ "a.test.", "a.test", 443, 1 },
		{ "a.test", "a.test.", 443, 1 },
		{ ".", "a.test", 443, 0 },
		{ "..", "a.test", 443, 0 },
		{ "test", "a.test", 443, 1 },
		{ "x.test,a.test", "a.test", 443, 1 },
		{ "x.test, a.test ,y.test", "a.test", 443, 1 },
		{ "x.test a.test", "a.test", 443, 1 },
		{ "x.test\ta.test", "a.test", 443, 1 },
		{ "a.test:443", "a.test", 443, 1 },
		{ "a.test:8443", "a.test", 443, 0 },
		{ ".a.test:443", "b.a.test", 443, 1 },
		{ "a.test:", "a.test", 443, 0 },
		{ "a.test:x", "a.test", 443, 0 },
		{ "a.test:0", "a.test", 443, 0 },
		{ "a.test:99999", "a.test", 443, 0 },
		{ ":443", "a.test", 443, 0 },
		{ "http://a.test", "a.test", 443, 0 },
		{ "localhost", "localhost", 443, 1 },
		{ "127.0.0.1", "127.0.0.1", 443, 1 },
		{ "127.0.0.1", "localhost", 443, 0 },
		{ "localhost", "127.0.0.1", 443, 0 },
		{ "127.0.0.1:443", "127.0.0.1", 443, 1 },
		{ "127.0.0.1:80", "127.0.0.1", 443, 0 },
		{ "0.0.1", "127.0.0.1", 443, 0 },
		{ "10.0.0.0/8", "10.255.0.1", 443, 1 },
		{ "10.0.0.0/8", "11.0.0.1", 443, 0 },
		{ "10.0.0.1/8", "10.2.3.4", 443, 1 },
		{ "10.0.0.0/8", "10.example.test", 443, 0 },
		{ "172.16.0.0/12", "172.31.255.255", 443, 1 },
		{ "172.16.0.0/12", "172.32.0.0", 443, 0 },
		{ "192.168.7.128/25", "192.168.7.128", 443, 1 },
		{ "192.168.7.128/25", "192.168.7.127", 443, 0 },
		{ "192.168.7.1/32", "192.168.7.1", 443, 1 },
		{ "192.168.7.1/32", "192.168.7.2", 443, 0 },
		{ "0.0.0.0/0", "8.8.8.8", 443, 1 },
		{ "0.0.0.0/0", "a.test", 443, 0 },
		{ "0.0.0.0/0", "::1", 443, 0 },
		{ "10.0.0.0/33", "10.0.0.1", 443, 0 },
		{ "10.0.0.0/-1", "10.0.0.1", 443, 0 },
		{ "10.0.0.0/", "10.0.0.0", 443, 0 },
		{ "10.0.0.0/8x", "10.0.0.0", 443, 0 },
		{ "a.test/8", "a.test", 443, 0 },
		{ "10.0.0.0/8:443", "10.0.0.1", 443, 1 },
		{ "::1", "::1", 443, 1 },
		{ "::1", "[::1]", 443, 1 },
		{ "[::1]", "::1", 443, 1 },
		{ "[::1]:443", "[::1]", 443, 1 },
		{ "[::1]:80", "[::1]", 443, 0 },
		{ "2001:db8::1", "2001:0db8:0:0::1", 443, 1 },
		{ "2001:DB8::1", "2001:db8::1", 443, 1 },
		{ "2001:db8::1", "2001:db8::2", 443, 0 },
		{ "2001:db8::/32", "2001:db8:ffff::1", 443, 1 },
		{ "2001:db8::/32", "2001:db9::1", 443, 0 },
		{ "[2001:db8::]/32", "2001:db8:1::", 443, 1 },
		{ "fc00::/7", "fd12::1", 443, 1 },
		{ "fc00::/7", "fe80::1", 443, 0 },
		{ "::/0", "2001:db8::1", 443, 1 },
		{ "::/0", "10.0.0.1", 443, 0 },
		{ "::/129", "::1", 443, 0 },
	};
	char long_list[2000];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ok(noproxy_has(rows[i].list, rows[i].host, rows[i].port) ==
		    (rows[i].has != 0), "\"%s\" has %s%s", rows[i].list,
		    rows[i].has ? "" : "not ", rows[i].host);
	ok(!noproxy_has(NULL, "a.test", 443), "no list");
	memset(long_list, 'x', sizeof(long_list));
	(void)snprintf(long_list + 1500, 500, ",a.test");
	ok(noproxy_has(long_list, "a.test", 443) &&
	    !noproxy_has(long_list, "b.test", 443), "a very long entry");
}

/* --- proxies --- */

static void
clear(void)
{
	static const char *const names[] = { "https_proxy", "HTTPS_PROXY",
	    "all_proxy", "ALL_PROXY", "http_proxy", "HTTP_PROXY", "no_proxy",
	    "NO_PROXY", "REQUEST_METHOD", "ARC_RELAY_PROXY_AUTH_FILE" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)unsetenv(names[i]);
}

static int
ask(const char *said, const char *file)
{
	struct network net = { .proxy = "" };

	httpproxy_free(&p);
	e = (struct err)ERR_INIT;
	(void)snprintf(net.proxy, sizeof(net.proxy), "%s", said);
	(void)snprintf(net.proxy_auth_file, sizeof(net.proxy_auth_file), "%s",
	    file);
	return (httpproxy_for(&net, "a.test", 443, &p, &e));
}

/* With that in HTTPS_PROXY. */
static int
ask_environment(const char *url)
{
	clear();
	(void)setenv("HTTPS_PROXY", url, 1);
	return (ask("", ""));
}

static int
is(const struct secret *s, const char *text)
{
	return (s->data == NULL ? text[0] == '\0' : strcmp(s->data, text) == 0);
}

static void
test_urls(void)
{
	static const struct {
		const char *url, *host;
		int port;
		const char *user, *password;
	} good[] = {
		{ "http://proxy.test:8080", "proxy.test", 8080, "", "" },
		{ "http://proxy.test:8080/", "proxy.test", 8080, "", "" },
		{ "HTTP://proxy.test:8080", "proxy.test", 8080, "", "" },
		{ "proxy.test:8080", "proxy.test", 8080, "", "" },
		{ "  proxy.test:8080 \n", "proxy.test", 8080, "", "" },
		{ "http://proxy.test", "proxy.test", 80, "", "" },
		{ "proxy.test", "proxy.test", 80, "", "" },
		{ "http://10.1.2.3:3128", "10.1.2.3", 3128, "", "" },
		{ "http://[2001:db8::1]:3128", "2001:db8::1", 3128, "", "" },
		{ "http://[::1]", "::1", 80, "", "" },
		{ "http://u:p@proxy.test:8080", "proxy.test", 8080, "u", "p" },
		{ "u:p@proxy.test:8080", "proxy.test", 8080, "u", "p" },
		{ "http://u@proxy.test:8080", "proxy.test", 8080, "u", "" },
		{ "http://u:@proxy.test:8080", "proxy.test", 8080, "u", "" },
		{ "http://u:p%40%3a%2F%25@proxy.test:1", "proxy.test", 1, "u",
		    "p@:/%" },
		{ "http://u:p:q@proxy.test:1", "proxy.test", 1, "u", "p:q" },
		{ "http://u:p@q@proxy.test:1", "proxy.test", 1, "u", "p@q" },
		{ "http://u:p/q@proxy.test:1", "proxy.test", 1, "u", "p/q" },
		{ "http://DOM%5Cu:p@[::1]:1", "::1", 1, "DOM\\u", "p" },
	};
	static const char *const bad[] = {
		"https://proxy.test:8080", "socks5://proxy.test:1080",
		"socks5h://u:SECRET@proxy.test:1080", "socks4://proxy.test",
		"ftp://proxy.test", "http://", "http:///", "http://:8080",
		"http://proxy.test:", "http://proxy.test:0",
		"http://proxy.test:65536", "http://proxy.test:123456",
		"http://proxy.test:80a", "http://proxy.test:-1",
		"http://proxy test:80", "http://proxy.test/path",
		"http://proxy.test:80?x", "http://proxy\r\n.test",
		"http://[::1", "http://[::1]x", "http://[]:80", "::1:80",
		"http://:SECRET@proxy.test", "http://u%3ax:SECRET@proxy.test",
		"http://u:SECRET%@proxy.test", "http://u:SECRET%4@proxy.test",
		"http://u:SECRET%zz@proxy.test", "http://u:SECRET%00@proxy.test",
		"http://u:SECRET%0d%0a@proxy.test", "http://u:SECRET@",
		"http://u:SECRET@proxy.test:x", "http://SECRET#@proxy.test/x",
	};
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ok(ask_environment(good[i].url) == 0 &&
		    strcmp(p.host, good[i].host) == 0 &&
		    p.port == good[i].port && is(&p.user, good[i].user) &&
		    is(&p.password, good[i].password), "%.*s: %s %d",
		    (int)strcspn(good[i].url, "\n"), good[i].url, p.host,
		    p.port);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(ask_environment(bad[i]) == -1 && e.status == EX_CONFIG &&
		    strcmp(e.id, "E604") == 0 && p.host[0] == '\0' &&
		    strstr(e.cause, "HTTPS_PROXY") != NULL &&
		    strstr(e.cause, "SECRET") == NULL &&
		    strstr(e.fix, "SECRET") == NULL, "bad URL %d: %s", (int)i,
		    e.cause);
	ok(ask_environment("http://u:SECRET@proxy.test:1") == 0 &&
	    strcmp(p.name, "proxy.test:1 (HTTPS_PROXY)") == 0,
	    "its name has no login: %s", p.name);
	ok(ask_environment("http://[::1]:1") == 0 &&
	    strcmp(p.name, "[::1]:1 (HTTPS_PROXY)") == 0, "nor lacks brackets");
}

static void
test_order(void)
{
	static const char *const order[] = { "https_proxy", "HTTPS_PROXY",
	    "all_proxy", "ALL_PROXY", "http_proxy", "HTTP_PROXY" };
	char url[32];
	int i;

	clear();
	ok(ask("", "") == 0 && p.host[0] == '\0', "nothing said: no proxy");
	for (i = 5; i >= 0; i--) {
		(void)snprintf(url, sizeof(url), "http://p%d.test:1", i);
		(void)setenv(order[i], url, 1);
		ok(ask("", "") == 0 && strncmp(p.host, url + 7, 2) == 0 &&
		    strstr(p.name, order[i]) != NULL, "%s goes before the rest",
		    order[i]);
	}
	(void)setenv("https_proxy", "", 1);
	(void)setenv("HTTPS_PROXY", "  ", 1);
	ok(ask("", "") == 0 && strcmp(p.host, "p2.test") == 0,
	    "an empty one is none");
	ok(ask("said.test:7", "") == 0 && strcmp(p.host, "said.test") == 0 &&
	    strstr(p.name, "--proxy") != NULL, "--proxy goes before all");
	ok(ask("none", "") == 0 && p.host[0] == '\0' &&
	    ask("NONE", "") == 0 && p.host[0] == '\0', "--proxy none");

	(void)setenv("NO_PROXY", "a.test", 1);
	ok(ask("", "") == 0 && p.host[0] == '\0', "NO_PROXY has the host");
	ok(ask("said.test:7", "") == 0 && strcmp(p.host, "said.test") == 0,
	    "--proxy asks no NO_PROXY");
	(void)setenv("no_proxy", "b.test", 1);
	ok(ask("", "") == 0 && p.host[0] != '\0', "no_proxy goes before it");
	(void)setenv("no_proxy", "", 1);
	ok(ask("", "") == 0 && p.host[0] == '\0', "unless it is empty");

	clear();
	(void)setenv("HTTP_PROXY", "p.test", 1);
	(void)setenv("REQUEST_METHOD", "GET", 1);
	ok(ask("", "") == 0 && p.host[0] == '\0',
	    "no HTTP_PROXY in a CGI program");
	(void)setenv("http_proxy", "q.test", 1);
	ok(ask("", "") == 0 && strcmp(p.host, "q.test") == 0,
	    "http_proxy even there");
}

static void
write_login(const char *text, mode_t mode)
{
	FILE *file = fopen(login_file, "w");

	if (file == NULL || fputs(text, file) == EOF || fclose(file) != 0 ||
	    chmod(login_file, mode) == -1)
		abort();
}

static int
bad_login(const char *text, mode_t mode, const char *why)
{
	write_login(text, mode);
	return (ask("p.test", login_file) == -1 && e.status == EX_CONFIG &&
	    strcmp(e.id, "E603") == 0 && strstr(e.cause, why) != NULL &&
	    strstr(e.fix, "chmod 600") != NULL &&
	    strstr(e.cause, "SECRET") == NULL && p.user.len == 0);
}

static void
test_login(void)
{
	static char longest[3000];

	clear();
	write_login("u:p@:%41 \nx", 0600);
	ok(ask("p.test", login_file) == 0 && is(&p.user, "u") &&
	    is(&p.password, "p@:%41 "), "a file: its first line as it is");
	write_login("u:p\r\n", 0400);
	ok(ask("p.test", login_file) == 0 && is(&p.password, "p"), "CRLF");
	write_login("u:", 0600);
	ok(ask("p.test", login_file) == 0 && is(&p.user, "u") &&
	    p.password.len == 0, "an empty password");
	(void)setenv("HTTPS_PROXY", "http://v:q@p.test", 1);
	ok(ask("", login_file) == 0 && is(&p.user, "u"),
	    "the file that is said goes before the URL");
	(void)setenv("ARC_RELAY_PROXY_AUTH_FILE", login_file, 1);
	ok(ask("", "") == 0 && is(&p.user, "v") &&
	    strcmp(p.login_from, "HTTPS_PROXY") == 0,
	    "the URL before the file of the variable");
	(void)setenv("HTTPS_PROXY", "http://p.test", 1);
	ok(ask("", "") == 0 && is(&p.user, "u") &&
	    strcmp(p.login_from, login_file) == 0, "which is used without");
	ok(ask("none", "") == 0 && p.user.len == 0,
	    "no proxy, no login is read");
	clear();

	ok(bad_login("u:SECRET", 0640, "others") &&
	    bad_login("u:SECRET", 0604, "others"), "others can read it");
	ok(bad_login("SECRET", 0600, "USER:PASSWORD"), "no colon");
	ok(bad_login(":SECRET", 0600, "USER:PASSWORD"), "no user");
	ok(bad_login("", 0600, "USER:PASSWORD"), "empty");
	memset(longest, 'x', sizeof(longest) - 1);
	longest[1] = ':';
	ok(bad_login(longest, 0600, "USER:PASSWORD"), "too long");
	ok(ask("p.test", "/nowhere/login") == -1 &&
	    strstr(e.cause, "/nowhere/login") != NULL, "absent: %s", e.cause);
	ok(ask("p.test", "/") == -1 && strstr(e.cause, "not a file") != NULL,
	    "a folder: %s", e.cause);
}

static void
test_check(void)
{
	ok(httpproxy_check("none", &e) == 0 &&
	    httpproxy_check("http://p.test:1", &e) == 0 &&
	    httpproxy_check("p.test", &e) == 0, "good --proxy");
	ok(httpproxy_check("http://u:SECRET@p.test:1", &e) == -1 &&
	    e.status == EX_USAGE && strstr(e.cause, "SECRET") == NULL &&
	    strstr(e.fix, "--proxy-auth-file") != NULL, "a password: %s",
	    e.cause);
	ok(httpproxy_check("socks5://p.test", &e) == -1 &&
	    e.status == EX_USAGE && e.id[0] == '\0', "SOCKS: %s", e.cause);
	ok(httpproxy_check("", &e) == -1 && e.status == EX_USAGE, "nothing");
}

static int
says(int rc, int status, const char *id, const char *cause, const char *fix)
{
	int good = rc == -1 && e.status == status && strcmp(e.id, id) == 0 &&
	    strstr(e.cause, cause) != NULL && strstr(e.fix, fix) != NULL &&
	    strstr(e.cause, "p.test:80 (HTTPS_PROXY)") != NULL &&
	    strstr(e.cause, "SECRET") == NULL &&
	    strstr(e.fix, "SECRET") == NULL;

	if (!good)
		(void)printf("# %d %s %s | %s\n", e.status, e.id, e.cause,
		    e.fix);
	return (good);
}

static void
test_errors(void)
{
	static const char t[] = "a.test:443";

	(void)ask_environment("http://p.test");
	ok(says(httpproxy_refused(&p, t, 407, "Basic, NTLM", 1, &e), EX_NOPERM,
	    "E603", "by Basic, NTLM", "--proxy-auth-file"), "407, no login");
	ok(says(httpproxy_refused(&p, t, 407, "", 1, &e), EX_NOPERM,
	    "E603", "wants a user", "--proxy-auth-file"), "407 without schemes");
	ok(says(httpproxy_refused(&p, t, 407, "NTLM, Negotiate", 1, &e),
	    EX_NOPERM, "E603", "NTLM, Negotiate and takes no Basic", "cntlm"),
	    "407, no Basic");
	ok(says(httpproxy_refused(&p, t, 407, "NTLM", 0, &e), EX_NOPERM,
	    "E603", "by NTLM", "--proxy-auth-file"),
	    "407, no Basic, where NTLM will do");
	ok(says(httpproxy_refused(&p, t, 403, "", 1, &e), EX_NOPERM, "E604",
	    "a.test:443 (status 403)", "NO_PROXY"), "403");
	ok(says(httpproxy_refused(&p, t, 502, "", 1, &e), EX_NOPERM, "E604",
	    "(status 502)", "NO_PROXY"), "502");
	ok(says(httpproxy_unresolved(&p, "why", &e), EX_UNAVAILABLE, "E601",
	    ": why", "--proxy none"), "its name");
	ok(says(httpproxy_unreachable(&p, "why", &e), EX_UNAVAILABLE, "E602",
	    ": why", "--proxy none"), "its port");
	ok(says(httpproxy_unreachable(&p, NULL, &e), EX_UNAVAILABLE, "E602",
	    "cannot connect", "--proxy none"), "its port, for no known reason");
	ok(says(httpproxy_silent(&p, t, &e), EX_UNAVAILABLE, "E604", t,
	    "--proxy none"), "silent");
	ok(says(httpproxy_lost(&p, t, &e), EX_UNAVAILABLE, "E604", t,
	    "--proxy none"), "lost");
	(void)ask_environment("http://u:SECRET@p.test");
	ok(says(httpproxy_refused(&p, t, 407, "Basic", 1, &e), EX_NOPERM,
	    "E603", "password of HTTPS_PROXY", "correct"), "407, a login");
}

int
main(void)
{
	(void)snprintf(login_file, sizeof(login_file), "%s/login.%ld",
	    getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp",
	    (long)getpid());
	test_noproxy();
	test_urls();
	test_order();
	test_login();
	test_check();
	test_errors();
	httpproxy_free(&p);
	(void)unlink(login_file);
	return (done_testing());
}
