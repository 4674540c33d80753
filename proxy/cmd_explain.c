/*
 * arc-relay explain: what went wrong, when nobody saw it.
 */
#include <stdio.h>

#include "auth/json.h"
#include "proxy/cmd.h"
#include "proxy/cmd_options.h"
#include "proxy/lasterror.h"
#include "relay/err.h"

static const struct option_row table[] = {
	{ 0, "json", NULL, "one JSON object", 0 },
	CMD_LAST_ROWS
};
enum { O_JSON };

static int
print_last_json(const struct lasterror *last, bool is, struct err *e)
{
	struct js *j = js_object();
	char utc[CMD_TIME_MAX];
	int rc;

	if (is && (js_set_string(j, "time", cmd_utc(last->time, utc)) == -1 ||
	    js_set_string(j, "target", last->target) == -1 ||
	    js_set_string(j, "id", last->id) == -1 ||
	    js_set_integer(j, "status", last->status) == -1 ||
	    js_set_string(j, "line", last->line) == -1))
		rc = err_set(e, EX_OSERR, "", "out of memory");
	else
		rc = cmd_print_json(j, e);
	js_free(j);
	return (rc);
}

/* The last failure of arc-relay-proxy. */
static int
explain_last(bool json, struct err *e)
{
	struct lasterror last;
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
	}
	return (0);
}

int
cmd_explain(int argc, char **argv, struct err *e)
{
	struct options o;
	int rc;

	if ((rc = cmd_parse(table, "explain [OPTION ...]", NULL, argc, argv, &o,
	    e)) != 0)
		return (rc == 1 ? 0 : -1);
	if (o.nrest > 0)
		return (err_set(e, EX_USAGE, "", "explain takes no argument"));
	return (explain_last(o.value[O_JSON] != NULL, e));
}
