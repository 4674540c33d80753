/*
 * Errors as values, see err.h.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "relay/err.h"
#include "relay/log.h"

static void
set(struct err *e, int status, const char *id, const char *fmt, va_list ap)
{
	*e = (struct err)ERR_INIT;
	e->status = status;
	(void)snprintf(e->id, sizeof(e->id), "%s", id);
	log_clean(e->id);
	(void)vsnprintf(e->cause, sizeof(e->cause), fmt, ap);
	log_clean(e->cause);
}

int
err_set(struct err *e, int status, const char *id, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set(e, status, id, fmt, ap);
	va_end(ap);
	return (-1);
}

int
err_sys(struct err *e, int status, const char *id, const char *fmt, ...)
{
	const char *why = strerror(errno);
	va_list ap;
	size_t len;

	va_start(ap, fmt);
	set(e, status, id, fmt, ap);
	va_end(ap);
	len = strlen(e->cause);
	(void)snprintf(e->cause + len, sizeof(e->cause) - len, ": %s", why);
	return (-1);
}

int
err_fix(struct err *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(e->fix, sizeof(e->fix), fmt, ap);
	va_end(ap);
	log_clean(e->fix);
	return (-1);
}

char *
err_line(const struct err *e, const char *program, const char *subject,
    char *buf, size_t size)
{
	size_t max = size < ERR_LINE_MAX + 1 ? size : ERR_LINE_MAX + 1;
	size_t idlen = e->id[0] != '\0' ? strlen(e->id) + 3 : 0;

	if (max <= idlen)
		idlen = 0;
	(void)snprintf(buf, max - idlen, "%s: %s%s%s%s%s", program,
	    subject != NULL ? subject : "", subject != NULL ? ": " : "",
	    e->cause, e->fix[0] != '\0' ? ". fix: " : "", e->fix);
	log_clean(buf);
	if (idlen > 0) {
		size_t len = strlen(buf);

		(void)snprintf(buf + len, max - len, " [%s]", e->id);
	}
	return (buf);
}
