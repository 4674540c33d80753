/*
 * The diagnostics table, see diag.h.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "proxy/diag.h"
#include "relay/err.h"
#include "relay/wire.h"

/*
 * One row an answer of the relay, the first that fits counts.  The reason phrase
 * carries everything, also what the agent on the machine said.
 * In cause and fix: %m the machine, %p the port, %s the status, %r the reason.
 */
static const struct row {
	int		 first, last;	/* status */
	const char	*text;		/* part of the reason phrase; NULL: any */
	const char	*id;
	int		 status;	/* exit status, sysexits(3) */
	enum retry_class retry;
	const char	*cause;
	const char	*fix;
} table[] = {
	{ 404, 404, "no listeners connected", "E501", EX_UNAVAILABLE,
	    RETRY_LISTENER,
	    "the machine's Arc agent is not listening (off, restarting or "
	    "blocked: Azure does not say which)",
	    "on %m see: sudo azcmagent show; restart it with: sudo systemctl "
	    "restart himdsd arcproxyd" },
	{ 404, 404, "None of the connected listeners", "E501", EX_UNAVAILABLE,
	    RETRY_LISTENER,
	    "the machine's Arc agent is connected, but did not answer the relay "
	    "in time",
	    "on %m check that *.servicebus.windows.net:443 can be reached: "
	    "sudo azcmagent check" },
	{ 404, 404, NULL, "E502", EX_TEMPFAIL, RETRY_LISTENER,
	    "the machine's endpoint is new, or its Arc agent has not picked it up "
	    "(30-90 s) [%r]",
	    "try again in a minute; if it stays: arc-relay enable %m "
	    "--recreate" },
	{ 401, 401, NULL, "E503", EX_NOPERM, RETRY_CREDENTIAL,
	    "the relay refused the credential (401 %r)",
	    "check the clock; if you gave a file with -r, write it again" },
	{ 403, 403, "Ip has been prevented", "E504", EX_NOPERM, RETRY_NEVER,
	    "a firewall rule of the relay blocks this computer's address "
	    "(403 %r)",
	    "ask its administrator, or go through its private endpoint with "
	    "--connect-to" },
	{ 403, 403, "incomingconnections", "E406", EX_CONFIG, RETRY_NEVER,
	    "the machine's Arc agent lets nobody in on port %p (403 %r)",
	    "on %m add %p to its ports: sudo azcmagent config set "
	    "incomingconnections.ports PORT,PORT" },
	{ 403, 403, "service configuration", "E406", EX_CONFIG,
	    RETRY_CREDENTIAL,	/* ours may be from before a change */
	    "Azure does not allow port %p of the machine (403 %r)",
	    "use -p with the port that it allows, or let a contributor "
	    "run: arc-relay enable %m --port %p" },
	{ 403, 403, NULL, "E503", EX_NOPERM, RETRY_CREDENTIAL,
	    "the relay or the agent refused the connection (403 %r)",
	    "is port %p the one that the service configuration allows? else: "
	    "-p PORT" },
	{ 503, 503, "i/o timeout", "E505", EX_UNAVAILABLE, RETRY_AGENT,
	    "the machine's agent cannot reach port %p there (503 %r)",
	    "on %m see what listens there: sudo ss -ltnp; is it kept from it "
	    "by a firewall?" },
	{ 503, 503, "connectex:", "E505", EX_UNAVAILABLE, RETRY_AGENT,
	    "nothing listens on port %p of the machine, which is Windows",
	    "on %m run in PowerShell: Start-Service sshd; Set-Service sshd "
	    "-StartupType Automatic" },
	/* the rest is in the language of its system */
	{ 503, 503, "connection to localhost:", "E505", EX_UNAVAILABLE,
	    RETRY_AGENT,
	    "nothing listens on port %p of the machine",
	    "on %m run: sudo systemctl enable --now ssh" },
	{ 503, 503, NULL, "E506", EX_TEMPFAIL, RETRY_SERVICE,
	    "the relay or the machine's agent is busy (503 %r)",
	    "try again in a minute" },
	{ 400, 400, NULL, "E509", EX_PROTOCOL, RETRY_NEVER,
	    "the relay rejected the request (400 %r)",
	    "get new relay information, and see -v" },
	{ 410, 410, NULL, "E509", EX_PROTOCOL, RETRY_NEVER,
	    "the relay rejected the request (410 %r)",
	    "get new relay information, and see -v" },
	{ 408, 408, NULL, "E510", EX_TEMPFAIL, RETRY_SERVICE,
	    "the relay gave up waiting (408 %r)", "try again in a minute" },
	{ 429, 429, NULL, "E506", EX_TEMPFAIL, RETRY_SERVICE,
	    "the relay throttles connections (429 %r)",
	    "try again in a minute, with fewer at a time" },
	{ 426, 426, NULL, "E608", EX_PROTOCOL, RETRY_NEVER,
	    "a proxy in between does not pass WebSocket upgrades (426 %r)",
	    "let the proxy pass CONNECT to the relay untouched" },
	{ 500, 599, NULL, "E506", EX_TEMPFAIL, RETRY_SERVICE,
	    "the relay or the machine's agent failed (%s %r)",
	    "try again in a minute; https://azure.status.microsoft" },
	{ 101, 101, NULL, "E607", EX_PROTOCOL, RETRY_NEVER,
	    "the answer to the upgrade is not from a WebSocket server",
	    "a proxy in between changes the traffic: try another network" },
	{ INT_MIN, INT_MAX, NULL, "E607", EX_PROTOCOL, RETRY_NEVER,
	    "something between here and the relay answered %s %r",
	    "a captive portal or an inspecting proxy? open a browser, or "
	    "another network" },
};

/* Copies pattern with its names filled in. */
static void
fill(const char *pattern, const struct diag_names *names, int status,
    const char *reason, char *out, size_t size)
{
	size_t n = 0;

	for (; *pattern != '\0' && n + 1 < size; pattern++) {
		if (*pattern != '%') {
			out[n++] = *pattern;
			continue;
		}
		out[n] = '\0';
		switch (*++pattern) {
		case 'm':
			(void)snprintf(out + n, size - n, "%s", names->machine);
			break;
		case 'p':
			(void)snprintf(out + n, size - n, "%d", names->port);
			break;
		case 's':
			(void)snprintf(out + n, size - n, "%d", status);
			break;
		case 'r':
			if (reason[0] == '\0' && n > 0 && out[n - 1] == ' ')
				out[--n] = '\0';
			(void)snprintf(out + n, size - n, "%s", reason);
			break;
		}
		n += strlen(out + n);
	}
	out[n] = '\0';
}

/* The reason phrase without what Azure appends for its support, in any order. */
static void
short_reason(const char *reason, char *out, size_t size)
{
	static const char *const tail[] = {
		"TrackingId:", "SystemTracker:", "Timestamp:"
	};
	size_t len = strlen(reason), i;
	const char *end;

	for (i = 0; i < sizeof(tail) / sizeof(tail[0]); i++)
		if ((end = strstr(reason, tail[i])) != NULL &&
		    (size_t)(end - reason) < len)
			len = (size_t)(end - reason);
	while (len > 0 && strchr(" .,", reason[len - 1]) != NULL)
		len--;
	(void)snprintf(out, size, "%.*s", (int)len, reason);
}

int
diag_refusal(const struct wire_answer *a, const struct diag_names *names,
    struct err *e)
{
	const struct row *r = table;
	char reason[120], text[256];

	short_reason(a->reason, reason, sizeof(reason));
	while (a->status < r->first || a->status > r->last ||
	    (r->text != NULL && strstr(a->reason, r->text) == NULL))
		r++;	/* the last row fits all */
	fill(r->cause, names, a->status, reason, text, sizeof(text));
	err_set(e, r->status, r->id, "%s", text);
	e->retry = r->retry;
	fill(r->fix, names, a->status, reason, text, sizeof(text));
	return (err_fix(e, "%s", text));
}

int
diag_no_answer(int wait_s, struct err *e)
{
	err_set(e, EX_TEMPFAIL, "E510", "the relay did not answer the upgrade "
	    "for %d s", wait_s);
	e->retry = RETRY_SERVICE;
	return (err_fix(e, "try again; the machine's agent may be overloaded"));
}

int
diag_no_banner(const struct diag_names *names, struct err *e)
{
	err_set(e, EX_UNAVAILABLE, "E507", "the connection to port %d of the "
	    "machine was cut before its SSH server said a word", names->port);
	return (err_fix(e, "is the port allowed in Azure? arc-relay doctor %s "
	    "-p %d; on it: is sshd running? and see sudo azcmagent config get "
	    "incomingconnections.ports", names->machine, names->port));
}

#define SEE_WHAT_LISTENS	"on %s see what it is: sudo ss -ltnp; the port " \
				"of its SSH server is given with -p PORT"

int
diag_silent(const struct diag_names *names, int wait_s, struct err *e)
{
	err_set(e, EX_UNAVAILABLE, "E511", "what listens on port %d of the "
	    "machine says nothing for %d s: it hangs, or is no SSH server",
	    names->port, wait_s);
	return (err_fix(e, SEE_WHAT_LISTENS, names->machine));
}

int
diag_no_ssh(const struct diag_names *names, const char *first, struct err *e)
{
	err_set(e, EX_UNAVAILABLE, "E511", "what listens on port %d of the "
	    "machine is no SSH server that would let us in: it says \"%s\"",
	    names->port, first);
	return (err_fix(e, SEE_WHAT_LISTENS, names->machine));
}
