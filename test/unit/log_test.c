/*
 * Goal: a line on stderr is one line, shows nothing that a terminal would act
 * on, is JSON as Microsoft's tools look for it, and never makes us wait.
 */
#include <fcntl.h>
#include <poll.h>
#include <regex.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "auth/json.h"
#include "relay/log.h"
#include "test/unit/tap.h"

static int stderr_was, end[2];

/* From here on stderr is a pipe. */
static void
capture(void)
{
	if (pipe(end) == -1)
		abort();
	(void)fcntl(end[0], F_SETFL, O_NONBLOCK);
	(void)dup2(end[1], STDERR_FILENO);
	(void)close(end[1]);
}

/* What was written to it; lends it. */
static const char *
captured(void)
{
	static char text[8192];
	ssize_t n = read(end[0], text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	return (text);
}

static void
release(void)
{
	(void)dup2(stderr_was, STDERR_FILENO);
	(void)close(end[0]);
}

static int
matches(const char *text, const char *pattern)
{
	regex_t re;
	int yes;

	if (regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB | REG_NEWLINE) != 0)
		return (0);
	yes = regexec(&re, text, 0, NULL, 0) == 0;
	regfree(&re);
	return (yes);
}

static int
is_one_line(const char *text)
{
	size_t n = strlen(text);

	return (n > 0 && strchr(text, '\n') == text + n - 1);
}

/* The message inside a JSON line; "" if it is none.  Lends it. */
static const char *
message(const char *line)
{
	static char text[2048];
	char why[JS_WHY_MAX];
	struct js *j = js_parse(line, strlen(line), why);
	const char *s = js_string(j, "msg");

	(void)snprintf(text, sizeof(text), "%s", s != NULL ? s : "");
	js_free(j);
	return (text);
}

static void
test_levels(void)
{
	static const struct {
		enum log_level	level;
		int		verbose, debug;
	} v[] = {
		{ LOG_QUIET, 0, 0 }, { LOG_VERBOSE, 1, 0 }, { LOG_DEBUG, 1, 1 },
	};
	size_t i;

	for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		log_init("prog", v[i].level, false);
		ok(log_wants(LOG_VERBOSE) == v[i].verbose &&
		    log_wants(LOG_DEBUG) == v[i].debug, "log_wants, level %zu",
		    i);
		log_verbose("verbose %d", 1);
		ok(strcmp(captured(), v[i].verbose ? "prog: verbose 1\n" : "")
		    == 0, "log_verbose, level %zu", i);
		log_debug("debug %s", "x");
		ok(strcmp(captured(), v[i].debug ? "prog: debug x\n" : "") ==
		    0, "log_debug, level %zu", i);
		log_always("fatal", "%s", "end");
		ok(strcmp(captured(), "prog: end\n") == 0,
		    "log_always, level %zu", i);
	}
	log_init("prog", LOG_DEBUG, true);
	log_verbose("v");
	ok(strncmp(captured(), "{\"level\":\"info\",\"msg\":\"v\",", 26) == 0,
	    "-v in JSON has level info");
	log_debug("d");
	ok(strncmp(captured(), "{\"level\":\"debug\",\"msg\":\"d\",", 27) == 0,
	    "-vv in JSON has level debug");
	log_always("warning", "w");
	ok(strncmp(captured(), "{\"level\":\"warning\",\"msg\":\"w\",", 29) ==
	    0, "others have their own");
}

static void
test_numbers(void)
{
	static const struct log_number some[] = {
		{ "dns", 3 }, { "tcp", 0 }, { "proxy", -1 }, { "tls", 18 },
	};
	struct log_number many[40];
	const char *line;
	size_t i;

	log_init("prog", LOG_QUIET, false);
	log_numbers(some, 4, "ms");
	ok(strcmp(captured(), "") == 0, "numbers: not without -v");
	log_init("prog", LOG_VERBOSE, false);
	log_numbers(some, 4, "ms");
	ok(strcmp(captured(), "prog: dns 3 tcp 0 tls 18 ms\n") == 0,
	    "numbers: a line; what is not there is left out");
	log_init("prog", LOG_VERBOSE, true);
	log_numbers(some, 4, "ms");
	line = captured();
	ok(strncmp(line, "{\"level\":\"info\",\"msg\":\"dns 3 tcp 0 tls 18 ms\","
	    "\"dns\":3,\"tcp\":0,\"tls\":18,\"proxyVersion\":\"", 79) == 0 &&
	    strcmp(message(line), "dns 3 tcp 0 tls 18 ms") == 0,
	    "numbers: members in JSON, %s", line);
	for (i = 0; i < 40; i++)
		many[i] = (struct log_number){ "some", 1234567 };
	log_numbers(many, 40, "ms");
	ok(strcmp(captured(), "") == 0, "numbers: too many are no half line");
}

/* What az ssh and Az.Ssh look for in the output of ssh. */
static void
test_callers(void)
{
	static const char copying[] =
	    "^\\{\"level\":\"fatal\",\"msg\":\"sshproxy: error copying "
	    "information from the connection: .*\"time\":\".*\"\\}$";
	static const char copying_version[] =
	    "^\\{\"level\":\"fatal\",\"msg\":\"sshproxy: error copying "
	    "information from the connection: .*\"proxyVersion\":\".*\"\\}$";
	static const char connecting[] = "^\\{\"level\":\"fatal\",\"msg\":"
	    "\"sshproxy: error connecting to the address: 404 Endpoint does "
	    "not exist.*\"time\":\".*\"\\}$";
	const char *line;
	char copy[2048];
	struct tm tm = { 0 };
	const char *when;

	log_init("prog", LOG_QUIET, true);
	log_always("fatal", "sshproxy: error copying information from the "
	    "connection: %s", "read tcp 10.0.0.1:60887->40.0.0.1:443: "
	    "\"reset\" \\ <&>");
	line = captured();
	ok(is_one_line(line), "one line: %s", strtok(strcpy(copy, line), "\n"));
	ok(matches(line, copying), "as az ssh looks for it");
	ok(matches(line, copying_version), "as Az.Ssh looks for it");
	ok(matches(line, "^\\{\"level\":\"fatal\",\"msg\":\"([^\"\\]|\\\\.)*\","
	    "\"proxyVersion\":\"" "[0-9.]+\",\"time\":\"[0-9TZ:-]+\"\\}$"),
	    "keys in order: level, msg, proxyVersion, time; no blanks");
	ok(strstr(line, "\"proxyVersion\":\"" VERSION "\"") != NULL,
	    "the version");
	ok(strstr(line, "60887-\\u003e40.0.0.1") != NULL &&
	    strstr(line, "\\\"reset\\\" \\\\ \\u003c\\u0026\\u003e") != NULL,
	    "escaped as Go does it");
	ok(strcmp(message(line), "sshproxy: error copying information from the "
	    "connection: read tcp 10.0.0.1:60887->40.0.0.1:443: \"reset\" \\ "
	    "<&>") == 0, "and back as it was");
	when = strstr(line, "\"time\":\"") + 8;
	when = strptime(when, "%Y-%m-%dT%H:%M:%SZ", &tm);
	ok(when != NULL && strcmp(when, "\"}\n") == 0 &&
	    labs((long)(timegm(&tm) - time(NULL))) <= 5,
	    "the time is now, as RFC 3339");

	log_always("fatal", "sshproxy: error connecting to the address: %d %s. "
	    "websocket: bad handshake", 404, "Endpoint does not exist.");
	ok(matches(captured(), connecting), "a failed dial, as az looks for it");
}

static void
test_hostile(void)
{
	char text[3000], want[16];
	const char *line;
	int b, json;

	for (json = 0; json < 2; json++) {
		size_t wrong = 0;
		const char *how = json ? "JSON" : "text";

		log_init("prog", LOG_QUIET, json);
		for (b = 1; b < 256; b++) {
			log_always("fatal", "<%c>", b);
			(void)snprintf(want, sizeof(want), "%s<%c>%s",
			    json ? "" : "prog: ",
			    b >= 0x20 && b <= 0x7e ? b : '?',
			    json ? "" : "\n");
			line = captured();
			wrong += !is_one_line(line) ||
			    strcmp(json ? message(line) : line, want) != 0;
		}
		ok(wrong == 0, "%s: each of 255 bytes, printable or '?'", how);

		memset(text, 'x', sizeof(text) - 1);
		text[sizeof(text) - 1] = '\0';
		log_always("fatal", "%s", text);
		line = captured();
		ok(is_one_line(line) && strlen(line) <= 1024 &&
		    strlen(line) > 700, "%s: a long one is cut, its end is "
		    "there (%zu bytes)", how, strlen(line));
		ok(!json || strspn(message(line), "x") > 700,
		    "%s: and reads as before", how);
		memset(text, '"', sizeof(text) - 1);
		log_always("fatal", "%s", text);
		line = captured();
		ok(is_one_line(line) && (!json ||
		    strspn(message(line), "\"") > 300), "%s: a long one of "
		    "quotes", how);
		memset(text, '<', sizeof(text) - 1);
		log_always("fatal", "%s", text);
		line = captured();
		ok(is_one_line(line) && (!json ||
		    strspn(message(line), "<") > 100), "%s: and of what Go "
		    "escapes", how);
		log_always("fatal", "%s", "");
		line = captured();
		ok(is_one_line(line) && (!json || line[0] == '{'),
		    "%s: an empty one", how);
	}
	(void)strcpy(text, "a\x1b[0m\n\xc3\xa9z~ ");
	log_clean(text);
	ok(strcmp(text, "a?[0m???z~ ") == 0, "log_clean");
}

static void
test_never_waits(void)
{
	char heap[4096];
	ssize_t n, all = 0;
	int kept;

	log_init("prog", LOG_QUIET, false);
	(void)alarm(30);	/* else this test would wait for ever */
	memset(heap, 'h', sizeof(heap));
	(void)fcntl(STDERR_FILENO, F_SETFL, O_NONBLOCK);
	while ((n = write(STDERR_FILENO, heap, sizeof(heap))) > 0)
		all += n;
	(void)fcntl(STDERR_FILENO, F_SETFL, 0);
	log_always("fatal", "lost");
	ok(1, "a full pipe of %zd bytes does not stop us", all);
	for (kept = 0; (n = read(end[0], heap, sizeof(heap))) > 0; )
		kept += memchr(heap, '\n', (size_t)n) != NULL;
	ok(kept == 0, "the line is lost, whole");
	log_always("fatal", "again");
	ok(strcmp(captured(), "prog: again\n") == 0, "the next one is not");

	(void)signal(SIGPIPE, SIG_IGN);
	(void)close(end[0]);
	log_always("fatal", "nobody reads");
	ok(1, "a reader that is gone does not matter");
	(void)close(STDERR_FILENO);
	log_always("fatal", "no stderr");
	ok(1, "nor a stderr that is closed");
	(void)alarm(0);
}

int
main(void)
{
	stderr_was = dup(STDERR_FILENO);
	capture();
	test_levels();
	test_numbers();
	test_callers();
	test_hostile();
	test_never_waits();
	release();
	return (done_testing());
}
