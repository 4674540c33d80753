/*
 * arc-relay explain: what went wrong and what to do: the last failure of a
 * session, an id, or what somebody saw.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "auth/json.h"
#include "proxy/cmd.h"
#include "proxy/cmd_options.h"
#include "proxy/explain.h"
#include "proxy/lasterror.h"
#include "relay/err.h"
#include "relay/secret.h"

#define LABEL	8	/* columns */

static const struct option_row table[] = {
	{ 0, "json", NULL, "JSON in place of text", 0 },
	CMD_LAST_ROWS
};
enum { O_JSON };

/* What is known of a row, into an object. */
static int
add_row(struct js *j, const struct explain_row *row)
{
	return (js_set_string(j, "id", row->id) == 0 &&
	    js_set_string(j, "phase", row->phase) == 0 &&
	    js_set_string(j, "cause", row->cause) == 0 &&
	    js_set_string(j, "fix", row->fix) == 0 &&
	    js_set_boolean(j, "retryable", row->flags & EXPLAIN_RETRY) == 0 ?
	    0 : -1);
}

static int
print_last_json(const struct lasterror *last, bool is, struct err *e)
{
	const struct explain_row *row = is ? explain_find(last->id) : NULL;
	struct js *j = js_object();
	char utc[CMD_TIME_MAX];
	bool failed;

	failed = is &&
	    (js_set_string(j, "time", cmd_utc(last->time, utc)) == -1 ||
	    js_set_string(j, "target", last->target) == -1 ||
	    js_set_string(j, "id", last->id) == -1 ||
	    js_set_integer(j, "status", last->status) == -1 ||
	    js_set_string(j, "line", last->line) == -1 ||
	    (row != NULL && add_row(j, row) == -1));
	return (cmd_print_json(j, !failed, e));
}

static void
print_words(const char *label, const char *text)
{
	printf("%-*s", LABEL, label);
	cmd_print_words(LABEL, LABEL, text);
}

/* line: where it was seen; 0: nowhere. */
static void
print_row(const struct explain_row *row, size_t line)
{
	size_t i;

	printf("%s    ", row->id);
	if (line > 0)
		printf("line %zu, ", line);
	printf("%s, exit status ", row->phase);
	for (i = 0; i < EXPLAIN_STATUSES && row->status[i] != 0; i++)
		printf("%s%d", i > 0 ? " or " : "", row->status[i]);
	printf("%s\n", row->flags & EXPLAIN_RETRY ? ", may pass by itself" : "");
	print_words("cause:", row->cause);
	print_words("do:", row->fix);
}

/* The next of the texts by which it is known, without its mark; "": no more. */
static const char *
next_seen(const char *seen, size_t *len)
{
	seen += *seen == '-' || *seen == '~';
	*len = strcspn(seen, "\n");
	return (seen);
}

static void
print_seen(const struct explain_row *row)
{
	const char *seen = row->seen, *label = "seen:";
	size_t len, i;

	for (; *seen != '\0'; seen += len + (seen[len] == '\n')) {
		seen = next_seen(seen, &len);
		printf("%-8s", label);
		for (i = 0; i < len; i++)
			printf("%s", seen[i] == '*' || seen[i] == '>' ? " .. " :
			    (char[]){ seen[i], '\0' });
		printf("\n");
		label = "";
	}
}

/* line: where it was seen; 0: nowhere. */
static struct js *
as_json(const struct explain_row *row, size_t line, bool *whole)
{
	struct js *j = js_object();

	*whole = add_row(j, row) == 0 &&
	    (line == 0 || js_set_integer(j, "line", (int64_t)line) == 0) &&
	    js_set_integer(j, "status", row->status[0]) == 0;
	return (j);
}

static int
explain_id(const char *id, bool json, struct err *e)
{
	const struct explain_row *row = explain_find(id);
	struct js *j;
	bool whole;

	if (row == NULL) {
		err_set(e, EX_USAGE, "", "there is no id \"%.40s\"; they are "
		    "from %s to %s", id, explain_table[0].id,
		    explain_table[explain_rows - 1].id);
		return (err_fix(e, "see arc-relay-errors(7); for other text: "
		    "arc-relay explain -"));
	}
	if (json) {
		j = as_json(row, 0, &whole);
		return (cmd_print_json(j, whole, e));
	}
	print_row(row, 0);
	print_seen(row);
	return (0);
}

/* What is pasted: all of it, or the end of what is longer. */
struct input {
	char	*text;
	size_t	 len;
	size_t	 lines;		/* that were left out before it */
};

/* Leaves the first half out. */
static void
forget_half(struct input *in)
{
	size_t half = in->len / 2, i;

	for (i = 0; i < half; i++)
		in->lines += in->text[i] == '\n';
	in->len -= half;
	memmove(in->text, in->text + half, in->len);
}

/* Reads to the end.  Returns 0 or -1. */
static int
read_input(struct input *in)
{
	ssize_t n;

	do {
		if (in->len == EXPLAIN_INPUT_MAX)
			forget_half(in);
		n = read(STDIN_FILENO, in->text + in->len,
		    EXPLAIN_INPUT_MAX - in->len);
		if (n == -1)
			return (-1);
		in->len += (size_t)n;
	} while (n > 0);
	return (0);
}

static int
explain_seen(const struct input *in, bool json, struct err *e)
{
	struct explain_hit hit[EXPLAIN_MAX];
	struct cmd_array array = { .n = 0 };
	size_t n = explain_text(in->text, in->len, hit), i;
	struct js *j;
	bool whole;

	for (i = 0; i < n; i++) {
		hit[i].line += in->lines;
		if (json) {
			j = as_json(hit[i].row, hit[i].line, &whole);
			cmd_array_add(&array, j, whole);
		} else {
			printf("%s", i > 0 ? "\n" : "");
			print_row(hit[i].row, hit[i].line);
		}
	}
	if (json && cmd_array_end(&array, e) == -1)
		return (-1);
	if (n > 0)
		return (0);
	err_set(e, EX_UNAVAILABLE, "", "no cause is recognised in these %zu "
	    "bytes", in->len);
	return (err_fix(e, "try with the output of ssh -v; all that is known is "
	    "in arc-relay-errors(7)"));
}

/* What somebody saw may have a secret in it. */
static int
explain_input(bool json, struct err *e)
{
	struct input in = { .text = secret_malloc(EXPLAIN_INPUT_MAX) };
	int rc;

	if (in.text == NULL)
		return (err_set(e, EX_OSERR, "", "out of memory"));
	if (read_input(&in) == -1)
		rc = err_sys(e, EX_IOERR, "", "cannot read what is to be "
		    "explained");
	else
		rc = explain_seen(&in, json, e);
	secret_mfree(in.text);
	return (rc);
}

/* The last failure of arc-relay-proxy. */
static int
explain_last(bool json, struct err *e)
{
	struct lasterror last;
	const struct explain_row *row;
	char local[CMD_TIME_MAX], why[200];
	int is = lasterror_read(&last, why, sizeof(why));

	if (is == -1) {
		err_set(e, EX_CANTCREAT, "E112",
		    "there is no folder for state: %s", why);
		return (err_fix(e, "give it to yourself with mode 0700"));
	}
	if (json)
		return (print_last_json(&last, is == 1, e));
	if (is == 0)
		printf("arc-relay-proxy has not failed yet, as far as is "
		    "kept.\n");
	else {
		printf("%s, ", cmd_local(last.time, local));
		if (last.target[0] != '\0')
			printf("%s, ", last.target);
		printf("exit status %d:\n%s\n", last.status, last.line);
		if ((row = explain_find(last.id)) != NULL)
			print_row(row, 0);
	}
	return (0);
}

int
cmd_explain(int argc, char **argv, struct err *e)
{
	struct options o;
	bool json;
	int rc;

	if ((rc = cmd_parse(table, "explain [OPTION ...] [ID | -]",
	    "Without argument: the last error of arc-relay-proxy.  ID: as "
	    "\"E501\".\n-: what is pasted on standard input, of ssh, az or "
	    "Microsoft's sshproxy.\n", argc, argv, &o, e)) != 0)
		return (rc == 1 ? 0 : -1);
	json = o.value[O_JSON] != NULL;
	if (o.nrest > 1)
		return (err_set(e, EX_USAGE, "", "explain takes one ID, or -"));
	if (o.nrest == 0)
		return (explain_last(json, e));
	if (strcmp(o.rest[0], "-") == 0)
		return (explain_input(json, e));
	return (explain_id(o.rest[0], json, e));
}
