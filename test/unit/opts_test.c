/*
 * Goal: each option does what it says, a wrong command line is an error that
 * names what is wrong, and Microsoft's way of starting sshproxy works.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/options.h"
#include "proxy/opts.h"
#include "relay/err.h"
#include "test/unit/tap.h"

#define WEB01	"/subscriptions/00000000-1111-2222-3333-444444444444" \
		"/resourceGroups/rg/providers/Microsoft.HybridCompute" \
		"/machines/web01"

static struct opts o;
static struct err e;

/* Words up to a NULL.  They are not copied, as in main. */
static int
parse(const char *word, ...)
{
	static char *argv[32];
	int argc = 0;
	va_list ap;

	argv[argc++] = (char *)(uintptr_t)"arc-relay-proxy";
	va_start(ap, word);
	for (; word != NULL; word = va_arg(ap, const char *))
		argv[argc++] = (char *)(uintptr_t)word;
	va_end(ap);
	argv[argc] = NULL;
	memset(&o, 0x55, sizeof(o));
	e = (struct err)ERR_INIT;
	return (opts_parse(argc, argv, &o, &e));
}

/* A usage error whose cause has part in it? */
static int
complains(int rc, const char *part)
{
	return (rc == -1 && e.status == EX_USAGE && e.cause[0] != '\0' &&
	    strstr(e.cause, part) != NULL);
}

static void
test_each(void)
{
	ok(parse(WEB01, NULL) == 0 && o.has_target && o.port == 22 &&
	    o.relay_file == NULL && o.connect_host[0] == '\0' &&
	    o.connect_port == 0 && o.ca_file == NULL && o.cloud == NULL &&
	    o.cloud_file == NULL && o.deadline_s == 120 &&
	    o.log_level == LOG_QUIET && !o.log_json && !o.show_help &&
	    !o.show_version && !o.drop_in, "a target, and all else as it is");
	ok(strcmp(o.target.text, WEB01) == 0 &&
	    strcmp(opts_machine(&o), "web01") == 0, "the target is read");
	ok(parse("web01.rg.arc", NULL) == 0 && !o.target.is_id &&
	    strcmp(opts_machine(&o), "web01.rg.arc") == 0, "a name");
	ok(parse("-p", "2222", WEB01, NULL) == 0 && o.port == 2222, "-p");
	ok(parse("-p2222", WEB01, NULL) == 0 && o.port == 2222, "-pPORT");
	ok(parse("--port", "2222", WEB01, NULL) == 0 && o.port == 2222,
	    "--port");
	ok(parse("--port=65535", WEB01, NULL) == 0 && o.port == 65535,
	    "--port=");
	ok(parse("-p", "1", WEB01, NULL) == 0 && o.port == 1, "port 1");
	ok(parse("-r", "/x/info", NULL) == 0 &&
	    strcmp(o.relay_file, "/x/info") == 0 && !o.has_target, "-r");
	ok(parse("--relay-info", "i", NULL) == 0 &&
	    strcmp(o.relay_file, "i") == 0, "--relay-info");
	ok(parse("--ca-file", "ca.pem", WEB01, NULL) == 0 &&
	    strcmp(o.ca_file, "ca.pem") == 0, "--ca-file");
	ok(parse("--proxy", "p:1", "--proxy-auth-file", "a", WEB01, NULL) == 0 &&
	    strcmp(o.proxy, "p:1") == 0 && strcmp(o.proxy_auth_file, "a") == 0,
	    "--proxy, --proxy-auth-file");
	ok(parse("--cloud", "AzureChinaCloud", WEB01, NULL) == 0 &&
	    strcmp(o.cloud, "AzureChinaCloud") == 0, "--cloud");
	ok(parse("--cloud-file", "c.json", WEB01, NULL) == 0 &&
	    strcmp(o.cloud_file, "c.json") == 0, "--cloud-file");
	ok(parse("--deadline", "1", WEB01, NULL) == 0 && o.deadline_s == 1,
	    "--deadline 1");
	ok(parse("--deadline", "86400", WEB01, NULL) == 0 &&
	    o.deadline_s == 86400, "--deadline 86400");
	ok(parse("-v", WEB01, NULL) == 0 && o.log_level == LOG_VERBOSE, "-v");
	ok(parse("-vv", WEB01, NULL) == 0 && o.log_level == LOG_DEBUG, "-vv");
	ok(parse("-v", "--verbose", "-v", WEB01, NULL) == 0 &&
	    o.log_level == LOG_DEBUG, "-v three times");
	ok(parse("--log-json", WEB01, NULL) == 0 && o.log_json && !o.drop_in,
	    "--log-json");
	ok(parse("-V", NULL) == 0 && o.show_version && !o.show_help, "-V");
	ok(parse("--version", NULL) == 0 && o.show_version, "--version");
	ok(parse("-h", NULL) == 0 && o.show_help && !o.show_version, "-h");
	ok(parse("--help", NULL) == 0 && o.show_help, "--help");
	ok(parse(WEB01, "-p", "2222", "-v", NULL) == 0 && o.port == 2222 &&
	    o.has_target && o.log_level == LOG_VERBOSE,
	    "options behind the target");
	ok(parse("-p", "2222", "--", WEB01, NULL) == 0 && o.has_target,
	    "-- ends the options");
	ok(parse(WEB01 "/", NULL) == 0 && strcmp(o.target.text, WEB01) == 0,
	    "a slash at the end");
}

static void
test_drop_in(void)
{
	ok(parse(NULL) == 0 && o.drop_in && o.log_json && !o.has_target &&
	    o.port == 22, "nothing at all: the environment tells");
	ok(parse("-p", "2222", NULL) == 0 && o.drop_in && o.log_json &&
	    o.port == 2222, "-p alone, as az ssh vm starts it");
	ok(parse("-r", "i", "-p", "22", NULL) == 0 && o.drop_in && o.log_json,
	    "-r and -p, as az ssh config starts it");
	ok(parse("-p", "22", WEB01, NULL) == 0 && !o.drop_in && !o.log_json,
	    "not with a target");
	ok(complains(parse("-p", "0", NULL), "port") && o.drop_in &&
	    o.log_json, "a wrong value is told as JSON, too");
	ok(complains(parse("--log-json", "-p", "0", WEB01, NULL), "port") &&
	    o.log_json, "--log-json and a wrong value");
	ok(complains(parse("--log-json", "--nonsense", WEB01, NULL),
	    "--nonsense") && o.log_json, "--log-json and an unknown option");
	ok(complains(parse("--nonsense", WEB01, NULL), "--nonsense") &&
	    !o.log_json, "an unknown option and a target: not JSON");
}

static void
test_numbers(void)
{
	static const char *const bad[] = { "0", "65536", "-1", "+22", " 22",
	    "22 ", "22x", "0x16", "", "ssh", "2 2", "99999999999999999999",
	    "-99999999999999999999", "22.0", "1e3", "\x1b[31m" };
	size_t i;
	long n;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ok(complains(parse("-p", bad[i], WEB01, NULL), "port"),
		    "bad port %zu: %s", i, e.cause);
		if (strcmp(bad[i], "65536") == 0)
			continue;
		ok(complains(parse("--deadline", bad[i], WEB01, NULL),
		    "--deadline"), "bad deadline %zu", i);
	}
	ok(complains(parse("--deadline", "86401", WEB01, NULL), "86400"),
	    "a deadline of more than a day: %s", e.cause);
	ok(options_number("-5", -9, 9, "x", &n, &e) == -1,
	    "a sign is no digit");
	n = 7;
	ok(options_number("10", 1, 9, "x", &n, &e) == -1 && n == 7,
	    "out of range: nothing is stored");
	ok(options_number("9", 1, 9, "x", &n, &e) == 0 && n == 9, "the largest");
	ok(options_number("0009", 1, 9, "x", &n, &e) == 0 && n == 9,
	    "decimal, also with zeros before it");
}

static void
test_wrong(void)
{
	ok(complains(parse("-r", "i", WEB01, NULL), "both") && e.fix[0] != '\0',
	    "-r and a target: %s", e.cause);
	ok(complains(parse(WEB01, "two", NULL), "two"), "two targets: %s",
	    e.cause);
	ok(complains(parse("-Z", WEB01, NULL), "-Z"), "%s", e.cause);
	ok(complains(parse("-vZ", WEB01, NULL), "-Z"), "%s", e.cause);
	ok(complains(parse("-Zp5", WEB01, NULL), "-Z") &&
	    parse(WEB01, NULL) == 0 && o.port == 22,
	    "the letters behind a wrong one are not read by the next parse");
	ok(complains(parse("--nonsense", WEB01, NULL), "--nonsense"), "%s",
	    e.cause);
	ok(complains(parse(WEB01, "--nonsense=x", NULL), "--nonsense"), "%s",
	    e.cause);
	ok(complains(parse("-p", NULL), "-p"), "%s", e.cause);
	ok(complains(parse("--deadline", NULL), "--deadline"), "%s", e.cause);
	ok(complains(parse("--log-json=yes", WEB01, NULL), "--log-json"), "%s",
	    e.cause);
	ok(complains(parse("-p", "22", "-p", "22", WEB01, NULL), "port"), "%s",
	    e.cause);
	ok(complains(parse("-p", "22", "--port", "22", WEB01, NULL), "port"),
	    "%s", e.cause);
	ok(complains(parse("-r", "a", "-r", "b", NULL), "relay-info"), "%s",
	    e.cause);
	ok(complains(parse("--log-json", "--log-json", NULL), "log-json"),
	    "%s", e.cause);
	ok(complains(parse("--cloud", "a", "--cloud-file", "b", WEB01, NULL),
	    "--cloud-file"), "%s", e.cause);
	ok(complains(parse("web 01", NULL), ""), "not a target: %s", e.cause);
	ok(complains(parse("--", "-v", NULL), ""), "nor that: %s", e.cause);
	ok(complains(parse("", NULL), ""), "an empty target: %s", e.cause);
	ok(parse("/subscriptions/00000000-1111-2222-3333-444444444444/"
	    "resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/x",
	    NULL) == -1 && strcmp(e.id, "E202") == 0, "an Azure VM: %s",
	    e.cause);
	ok(complains(parse("--\x1b[31m", NULL), "--?[31m"),
	    "no escape sequence: %s", e.cause);
}

static void
test_connect_to(void)
{
	static const struct {
		const char	*text, *host;	/* NULL: refused */
		int		 port;
	} v[] = {
		{ "10.0.0.5:443", "10.0.0.5", 443 },
		{ "relay.internal:8443", "relay.internal", 8443 },
		{ "[::1]:443", "::1", 443 },
		{ "[fe80::1%eth0]:1", "fe80::1%eth0", 1 },
		{ "h:65535", "h", 65535 },
		{ "", NULL, 0 }, { ":", NULL, 0 }, { ":443", NULL, 0 },
		{ "host", NULL, 0 }, { "host:", NULL, 0 },
		{ "host:0", NULL, 0 }, { "host:65536", NULL, 0 },
		{ "host:-1", NULL, 0 }, { "host:443x", NULL, 0 },
		{ "host: 443", NULL, 0 }, { "[]:443", NULL, 0 },
		{ "[::1]", NULL, 0 }, { "[::1]443", NULL, 0 },
		{ "443", NULL, 0 },
		/* which colon?  brackets say it */
		{ "::1", NULL, 0 }, { "fe80::22", NULL, 0 },
		{ "::1:443", NULL, 0 }, { "[::1:443", NULL, 0 },
		{ "::1]:443", NULL, 0 },
	};
	char text[OPTS_HOST_MAX + 16];
	size_t i;

	for (i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		if (v[i].host != NULL)
			ok(parse("--connect-to", v[i].text, WEB01, NULL) == 0 &&
			    strcmp(o.connect_host, v[i].host) == 0 &&
			    o.connect_port == v[i].port, "--connect-to %s",
			    v[i].text);
		else
			ok(complains(parse("--connect-to", v[i].text, WEB01,
			    NULL), "--connect-to"), "not --connect-to \"%s\"",
			    v[i].text);
	memset(text, 'h', OPTS_HOST_MAX);
	(void)strcpy(text + OPTS_HOST_MAX, ":443");
	ok(parse("--connect-to", text, WEB01, NULL) == 0 &&
	    strlen(o.connect_host) == OPTS_HOST_MAX, "a host of %d bytes",
	    OPTS_HOST_MAX);
	(void)strcpy(text + OPTS_HOST_MAX, "h:443");
	ok(complains(parse("--connect-to", text, WEB01, NULL),
	    "--connect-to"), "one more is refused");
}

static void
test_help(void)
{
	static const char *const option[] = { "-r, --relay-info FILE",
	    "-p, --port PORT", "--connect-to HOST:PORT", "--ca-file FILE",
	    "--cloud NAME", "--cloud-file FILE", "--deadline SECONDS",
	    "-v, --verbose", "--log-json", "-V, --version", "-h, --help" };
	char *text = NULL, *line, *rest = NULL;
	size_t len = 0, i, too_long = 0;
	FILE *out = open_memstream(&text, &len);

	opts_help(out);
	(void)fclose(out);
	for (i = 0; i < sizeof(option) / sizeof(option[0]); i++)
		ok(strstr(text, option[i]) != NULL, "--help has %s",
		    option[i]);
	for (line = strtok_r(text, "\n", &rest); line != NULL;
	    line = strtok_r(NULL, "\n", &rest))
		too_long += strlen(line) > 80;
	ok(too_long == 0, "no line of it is longer than 80");
	free(text);
}

int
main(void)
{
	test_each();
	test_drop_in();
	test_numbers();
	test_wrong();
	test_connect_to();
	test_help();
	return (done_testing());
}
