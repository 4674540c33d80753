/*
 * Goal: of all that can be sent to a port of loopback only the answer to our own
 * question counts.
 */
#include <stdlib.h>
#include <string.h>

#include "auth/redirect.h"
#include "test/unit/tap.h"

#define STATE	"S-_123456789012345678901234567890123456789"
#define LINE(q)	"GET /?" q " HTTP/1.1"

static struct redirect r;

static enum redirect_verdict
judge(const char *line)
{
	return (redirect_read(line, strlen(line), STATE, &r));
}

int
main(void)
{
	static const char *const strangers[] = {
		LINE(""), LINE("code=a"), LINE("state=" STATE),
		LINE("state=" STATE "&code="), LINE("code=a&state="),
		LINE("code=a&state=x" STATE), LINE("code=a&state=" STATE "x"),
		LINE("code=a&state=S-_12345678901234567890123456789012345678"),
		LINE("code=a&state=s-_123456789012345678901234567890123456789"),
		LINE("code=a&state=S-_123456789012345678901234567890123456788"),
		LINE("code=a&state=" STATE "&state=" STATE),
		LINE("code=a&code=b&state=" STATE),
		LINE("code=a%00b&state=" STATE), LINE("code=a%0&state=" STATE),
		LINE("code=a%zz&state=" STATE), LINE("code=a%&state=" STATE),
		LINE("code=a+b&state=" STATE), LINE("code=a%0ab&state=" STATE),
		LINE("xcode=a&state=" STATE), LINE("error=x&state=wrong"),
		"GET / HTTP/1.1",
	};
	static const char *const elsewhere[] = {
		"GET /favicon.ico HTTP/1.1",
		"GET /callback?code=a&state=" STATE " HTTP/1.1",
		"GET //?code=a&state=" STATE " HTTP/1.1",
	};
	static const char *const none[] = {
		"", "GET", "GET ", "GET /", "GET / HTTP/2.0", "GET / HTTP/1.",
		"POST /?code=a&state=" STATE " HTTP/1.1",
		"get /?code=a&state=" STATE " HTTP/1.1",
		"GET http://localhost/?code=a&state=" STATE " HTTP/1.1",
		"GET /?code=a b&state=" STATE " HTTP/1.1",
		"GET /?code=a\xff&state=" STATE " HTTP/1.1",
		"GET /?code=a\x1b&state=" STATE " HTTP/1.1",
		"\x16\x03\x01\x02 / HTTP/1.1", "GET  HTTP/1.1",
		"GET / HTTP/1.1 and more", "SSH-2.0-OpenSSH_9.2",
	};
	char *long_line = malloc(2 * REDIRECT_LINE_MAX);
	size_t i;

	ok(judge(LINE("code=1.A_b-c~&state=" STATE "&session_state=x")) ==
	    REDIRECT_CODE && strcmp(r.code.data, "1.A_b-c~") == 0, "a code");
	ok(judge(LINE("state=" STATE "&code=%31%2eA%2B")) == REDIRECT_CODE &&
	    strcmp(r.code.data, "1.A+") == 0, "percent-encoded, other order");
	ok(judge("GET /?code=a&state=" STATE " HTTP/1.0") == REDIRECT_CODE,
	    "HTTP/1.0");
	ok(judge(LINE("error=access_denied&error_description=AADSTS65004%3a+"
	    "User+declined.%0d%0a&state=" STATE)) == REDIRECT_ERROR &&
	    strcmp(r.error, "access_denied") == 0 && r.code.len == 0 &&
	    strcmp(r.text, "AADSTS65004: User declined.\r\n") == 0, "an error");
	ok(judge(LINE("code=a&error=x&state=" STATE)) == REDIRECT_ERROR &&
	    r.code.len == 0, "an error beside a code is an error");
	ok(judge(LINE("error=123456789012345678901234567890123456789012345&"
	    "state=" STATE)) == REDIRECT_ERROR && strlen(r.error) == 39,
	    "a long one is cut");

	for (i = 0; i < sizeof(strangers) / sizeof(strangers[0]); i++)
		ok(judge(strangers[i]) == REDIRECT_STRANGER &&
		    r.code.len == 0 && r.error[0] == '\0', "stranger: %s",
		    strangers[i]);
	for (i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++)
		ok(judge(elsewhere[i]) == REDIRECT_ELSEWHERE && r.code.len == 0,
		    "elsewhere: %s", elsewhere[i]);
	for (i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		ok(judge(none[i]) == REDIRECT_NO_REQUEST && r.code.len == 0,
		    "no request %zu", i);

	if (long_line == NULL)
		abort();
	memset(long_line, 'a', 2 * REDIRECT_LINE_MAX);
	memcpy(long_line, "GET /?state=" STATE "&code=",
	    strlen("GET /?state=" STATE "&code="));
	memcpy(long_line + REDIRECT_LINE_MAX - 9, " HTTP/1.1", 9);
	ok(redirect_read(long_line, REDIRECT_LINE_MAX, STATE, &r) ==
	    REDIRECT_CODE && r.code.len > 8000, "the longest");
	memcpy(long_line + REDIRECT_LINE_MAX - 9, "aHTTP/1.1 HTTP/1.1", 18);
	ok(redirect_read(long_line, REDIRECT_LINE_MAX + 9, STATE, &r) ==
	    REDIRECT_NO_REQUEST, "a longer one");
	free(long_line);

	redirect_free(&r);
	return (done_testing());
}
