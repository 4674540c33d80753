/*
 * What a check says, as a finding a line, in JSON, see check.h.
 */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include "auth/json.h"
#include "auth/text.h"
#include "proxy/check.h"
#include "relay/err.h"
#include "relay/log.h"
#include "relay/secret.h"

#define LINE_MAX_BYTES	8192

static void
say(const struct check_out *out, enum check_verdict verdict, const char *fmt,
    va_list ap)
{
	struct finding f = { .verdict = verdict };

	(void)vsnprintf(f.what, sizeof(f.what), fmt, ap);
	log_clean(f.what);
	out->found(out->arg, &f);
}

void
check_ok(const struct check_out *out, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(out, CHECK_OK, fmt, ap);
	va_end(ap);
}

void
check_noted(const struct check_out *out, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(out, CHECK_NOTE, fmt, ap);
	va_end(ap);
}

void
check_skipped(const struct check_out *out, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(out, CHECK_SKIPPED, fmt, ap);
	va_end(ap);
}

void
check_warned(const struct check_out *out, const struct err *e,
    enum check_cure cure)
{
	const struct finding f = { .verdict = CHECK_WARNING, .e = *e,
	    .cure = cure };

	out->found(out->arg, &f);
}

void
check_failed(const struct check_out *out, const struct err *e,
    enum check_cure cure)
{
	const struct finding f = { .verdict = CHECK_FAILED, .e = *e,
	    .cure = cure };

	out->found(out->arg, &f);
}

/* --- and there and back --- */

/* j is taken. */
static void
write_line(int fd, struct js *j, bool whole)
{
	struct secret line = SECRET_INIT;

	if (whole && js_dump(j, &line) == 0 &&
	    text_append(&line, "\n", 1, LINE_MAX_BYTES) == 0)
		(void)text_write_all(fd, line.data, line.len);
	secret_free(&line);
	js_free(j);
}

static void
write_finding(void *arg, const struct finding *f)
{
	struct js *j = js_object();

	write_line(*(const int *)arg, j,
	    js_set_integer(j, "verdict", f->verdict) == 0 &&
	    js_set_integer(j, "cure", f->cure) == 0 &&
	    js_set_string(j, "what", f->what) == 0 &&
	    js_set_integer(j, "status", f->e.status) == 0 &&
	    js_set_integer(j, "retry", f->e.retry) == 0 &&
	    js_set_string(j, "id", f->e.id) == 0 &&
	    js_set_string(j, "cause", f->e.cause) == 0 &&
	    js_set_string(j, "fix", f->e.fix) == 0);
}

static void
write_machine(void *arg, const char *id)
{
	struct js *j = js_object();

	write_line(*(const int *)arg, j, js_set_string(j, "machine", id) == 0);
}

void
check_out_to(int *fd, struct check_out *out)
{
	*out = (struct check_out){ write_finding, write_machine, fd };
}

static int
read_number(const struct js *j, const char *name, int max, int *out)
{
	int64_t n;

	if (js_integer(j, name, &n) == -1 || n < 0 || n > max)
		return (-1);
	*out = (int)n;
	return (0);
}

static void
read_text(const struct js *j, const char *name, char *out, size_t size)
{
	const char *text = js_string(j, name);

	(void)snprintf(out, size, "%s", text != NULL ? text : "");
	log_clean(out);
}

static int
read_finding(const struct js *j, struct finding *f)
{
	int verdict, cure, status, retry;

	if (read_number(j, "verdict", CHECK_NOTE, &verdict) == -1 ||
	    read_number(j, "cure", NCURES - 1, &cure) == -1 ||
	    read_number(j, "status", 255, &status) == -1 ||
	    read_number(j, "retry", RETRY_CREDENTIAL, &retry) == -1)
		return (-1);
	*f = (struct finding){ .verdict = (enum check_verdict)verdict,
	    .cure = (enum check_cure)cure, .e.status = status,
	    .e.retry = (enum retry_class)retry };
	read_text(j, "what", f->what, sizeof(f->what));
	read_text(j, "id", f->e.id, sizeof(f->e.id));
	read_text(j, "cause", f->e.cause, sizeof(f->e.cause));
	read_text(j, "fix", f->e.fix, sizeof(f->e.fix));
	return (0);
}

void
check_out_read(const char *line, size_t len, const struct check_out *out)
{
	char why[JS_WHY_MAX];
	struct js *j = js_parse(line, len, why);
	const char *machine = js_string(j, "machine");
	struct finding f;

	if (machine != NULL)
		out->machine(out->arg, machine);
	else if (j != NULL && read_finding(j, &f) == 0)
		out->found(out->arg, &f);
	js_free(j);
}
