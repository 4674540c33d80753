/*
 * Lines on stderr, see log.h.
 */
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "relay/log.h"

#define LOG_LINE_MAX	1024	/* bytes, with the newline: one atomic write to a pipe */
#define TEXT_MAX	(LOG_LINE_MAX - 200)	/* bytes of the message */
#define NUMBERS_MAX	200	/* bytes of each form of them */

static struct {
	const char	*program;
	enum log_level	 level;
	bool		 json;
} log_to = { "arc-relay", LOG_QUIET, false };

void
log_init(const char *program, enum log_level level, bool json)
{
	log_to.program = program;
	log_to.level = level;
	log_to.json = json;
}

bool
log_wants(enum log_level level)
{
	return (log_to.level >= level);
}

void
log_clean(char *s)
{
	for (; *s != '\0'; s++)
		if (*s < 0x20 || *s > 0x7e)
			*s = '?';
}

/* Text as the inside of a JSON string; what does not fit is left out. */
static void
json_escape(const char *text, char *out, size_t size)
{
	size_t n = 0;

	for (; *text != '\0' && n + 7 < size; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\') {
			out[n++] = '\\';
			out[n++] = (char)c;
		} else if (c == '<' || c == '>' || c == '&')
			/* as Go does: who reads sshproxy's log expects it */
			n += (size_t)snprintf(out + n, size - n, "\\u%04x", c);
		else
			out[n++] = (char)c;
	}
	out[n] = '\0';
}

/* members: of the JSON object, each with a comma behind it. */
static void
put_text(const char *level_name, char *text, const char *members)
{
	struct pollfd err_fd = { STDERR_FILENO, POLLOUT, 0 };
	char line[LOG_LINE_MAX];
	int len;

	log_clean(text);
	if (log_to.json) {
		char escaped[TEXT_MAX], when[32];
		time_t now = time(NULL);
		struct tm tm;

		json_escape(text, escaped, sizeof(escaped));
		(void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ",
		    gmtime_r(&now, &tm));
		len = snprintf(line, sizeof(line),
		    "{\"level\":\"%s\",\"msg\":\"%s\",%s\"proxyVersion\":\""
		    VERSION "\",\"time\":\"%s\"}\n", level_name, escaped,
		    members, when);
	} else
		len = snprintf(line, sizeof(line), "%s: %s\n", log_to.program,
		    text);
	if (len >= (int)sizeof(line))
		len = (int)sizeof(line) - 1;
	if (poll(&err_fd, 1, 0) == 1 && (err_fd.revents & POLLOUT))
		(void)!write(STDERR_FILENO, line, (size_t)len);
}

static void
put_line(const char *level_name, const char *fmt, va_list ap)
{
	char text[TEXT_MAX];

	(void)vsnprintf(text, sizeof(text), fmt, ap);
	put_text(level_name, text, "");
}

void
log_always(const char *level_name, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put_line(level_name, fmt, ap);
	va_end(ap);
}

void
log_verbose(const char *fmt, ...)
{
	va_list ap;

	if (!log_wants(LOG_VERBOSE))
		return;
	va_start(ap, fmt);
	put_line("info", fmt, ap);
	va_end(ap);
}

void
log_debug(const char *fmt, ...)
{
	va_list ap;

	if (!log_wants(LOG_DEBUG))
		return;
	va_start(ap, fmt);
	put_line("debug", fmt, ap);
	va_end(ap);
}

void
log_numbers(const struct log_number *numbers, size_t n, const char *unit)
{
	char text[NUMBERS_MAX] = "", members[NUMBERS_MAX] = "";
	size_t i, nt = 0, nm = 0;

	if (!log_wants(LOG_VERBOSE))
		return;
	for (i = 0; i < n && nm < sizeof(members) && nt < sizeof(text); i++) {
		if (numbers[i].n < 0)
			continue;
		nt += (size_t)snprintf(text + nt, sizeof(text) - nt, "%s %lld ",
		    numbers[i].name, numbers[i].n);
		nm += (size_t)snprintf(members + nm, sizeof(members) - nm,
		    "\"%s\":%lld,", numbers[i].name, numbers[i].n);
	}
	if (nm >= sizeof(members) || nt + strlen(unit) >= sizeof(text))
		return;
	(void)snprintf(text + nt, sizeof(text) - nt, "%s", unit);
	put_text("info", text, members);
}
