/*
 * Answers of Azure Resource Graph, see graph.h.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "auth/graph.h"
#include "auth/json.h"
#include "auth/machines.h"

/* A left join leaves null, or "". */
static const char *
text_of(const struct js *row, const char *name)
{
	const char *text = js_string(row, name);

	return (text != NULL ? text : "");
}

static size_t
count_members(const struct js *object)
{
	void *at = NULL;
	size_t n;

	for (n = 0; js_each(object, &at) != NULL; n++)
		;
	return (n);
}

/* Tags whose value is a text; Azure has no others. */
static size_t
read_tags(const struct js *tags, struct machine_tag *out)
{
	const struct js *value;
	void *at = NULL;
	size_t n = 0;

	while ((value = js_each(tags, &at)) != NULL) {
		out[n].name = js_name(at);
		out[n].value = js_string(value, NULL);
		n += out[n].value != NULL;
	}
	return (n);
}

static int
add_row(const struct js *row, struct machines *out)
{
	const struct js *tags = js_at(row, "tags");
	struct machine m = {
		.id = text_of(row, "id"), .name = text_of(row, "name"),
		.group = text_of(row, "resourceGroup"),
		.subscription = text_of(row, "subscriptionId"),
		.subscription_name = text_of(row, "subscriptionName"),
		.type = text_of(row, "type"), .kind = text_of(row, "kind"),
		.location = text_of(row, "location"), .os = text_of(row, "os"),
		.agent = text_of(row, "agent"),
		.status = text_of(row, "status"),
	};
	struct machine_tag *list = NULL;
	size_t n = count_members(tags);
	int rc;

	if (n > 0 && (list = calloc(n, sizeof(*list))) == NULL)
		return (-1);
	m.ntags = n > 0 ? read_tags(tags, list) : 0;
	m.tags = list;
	rc = machines_add(out, &m);
	free(list);
	return (rc);
}

static bool
is_truncated(const struct js *page)
{
	const char *text = js_string(page, "resultTruncated");

	return ((text != NULL && strcasecmp(text, "true") == 0) ||
	    js_is_true(js_at(page, "resultTruncated")));
}

static int
bad(const char **what, const char *how)
{
	*what = how;
	return (-1);
}

int
graph_page_read(const struct js *page, struct graph_page *p,
    struct machines *out, const char **what)
{
	const struct js *data = js_at(page, "data");
	const struct js *token = js_at(page, "$skipToken");
	int64_t total = 0;
	size_t i;

	*p = (struct graph_page){ .rows = js_count(data) };
	if (!js_is_array(data))
		return (bad(what, "has no array \"data\""));
	if (js_at(page, "totalRecords") != NULL && (js_integer(page,
	    "totalRecords", &total) == -1 || total < 0))
		return (bad(what, "has a totalRecords that is no number"));
	p->total = (size_t)total;
	p->next = js_string(token, NULL);
	if (token != NULL && p->next == NULL && !js_is_null(token))
		return (bad(what, "has a $skipToken that is no text"));
	if (p->next != NULL && p->next[0] == '\0')
		p->next = NULL;
	if (is_truncated(page) && p->next == NULL)
		return (bad(what, "is cut short, and there is no next one"));
	for (i = 0; i < p->rows; i++) {
		const struct js *row = js_item(data, i);

		if (!js_is_object(row) || text_of(row, "id")[0] == '\0' ||
		    text_of(row, "name")[0] == '\0')
			return (bad(what, "has a row that is no machine"));
		if (add_row(row, out) == -1)
			return (bad(what, "does not fit into memory"));
	}
	return (0);
}

/* Our own first line is before it, and its end may be where something is missing. */
static void
add_position(const struct js *detail, int64_t lines, char *out, size_t size)
{
	const char *token = js_string(detail, "token");
	size_t len = strlen(out);
	int64_t line, at;

	if (js_integer(detail, "line", &line) == -1 || line < 2 ||
	    js_integer(detail, "characterPositionInLine", &at) == -1)
		return;
	if (--line > lines)
		(void)snprintf(out + len, size - len, " at its end");
	else
		(void)snprintf(out + len, size - len, " at line %lld, character "
		    "%lld%s%.40s%s", (long long)line, (long long)at,
		    token != NULL ? ", near \"" : "",
		    token != NULL ? token : "", token != NULL ? "\"" : "");
}

/*
 * {"error":{"details":[{"code":"InvalidQuery","message":..},
 * {"code":"ParserFailure","message":"ParserFailure","line":2,
 * "characterPositionInLine":7,"token":"|"}]}}
 */
const char *
graph_why(const char *refusal, size_t len, int64_t lines,
    char out[GRAPH_WHY_MAX])
{
	char no_json[JS_WHY_MAX];
	struct js *doc = js_parse(refusal, len, no_json);
	const struct js *details = js_at(doc, "error.details");
	const struct js *last = js_item(details, js_count(details) - 1);
	const char *message = js_string(last, "message");

	(void)snprintf(out, GRAPH_WHY_MAX, "%.100s", message != NULL ? message :
	    "");
	add_position(last, lines, out, GRAPH_WHY_MAX);
	js_free(doc);
	return (out);
}
