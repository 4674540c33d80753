/*
 * Goal: a selection is the query that it says, whatever is in its words, and
 * names and tags are judged without case; an answer of Azure Resource Graph is
 * read or refused; one machine is listed once.
 */
#include <stdlib.h>
#include <string.h>

#include "auth/graph.h"
#include "auth/json.h"
#include "auth/machines.h"
#include "auth/selection.h"
#include "relay/err.h"
#include "relay/secret.h"
#include "test/unit/tap.h"

static struct secret query;
static struct err e;

static int
make(const struct selection *s)
{
	e = (struct err)ERR_INIT;
	return (selection_query(s, &query, &e));
}

static int
has(const struct selection *s, const char *part)
{
	return (make(s) == 0 && strstr(query.data, part) != NULL);
}

#define NAMES(...)	.names = (const char *const []){ __VA_ARGS__ }, \
	.nnames = sizeof((const char *const []){ __VA_ARGS__ }) / \
	sizeof(const char *)
#define TAGS(...)	.tags = (const char *const []){ __VA_ARGS__ }, \
	.ntags = sizeof((const char *const []){ __VA_ARGS__ }) / \
	sizeof(const char *)
#define SELECTION(...)	&(const struct selection){ __VA_ARGS__ }

static void
test_all(void)
{
	static const struct selection all = { .nnames = 0 };
	static const char head[] = "resources | where type in~ ("
	    "'microsoft.hybridcompute/machines', "
	    "'microsoft.connectedvmwarevsphere/virtualmachines', "
	    "'microsoft.scvmm/virtualmachines', "
	    "'microsoft.azurestackhci/virtualmachines') | join ";

	ok(selection_is_all(&all) && selection_asks_all(&all), "nothing said");
	ok(make(&all) == 0 && strncmp(query.data, head, strlen(head)) == 0,
	    "all kinds and no condition");
	ok(strstr(query.data, " | order by id asc") != NULL &&
	    strchr(query.data, '\n') == NULL, "in order, on one line");
	ok(!selection_is_all(SELECTION(NAMES("w*"))) &&
	    selection_asks_all(SELECTION(NAMES("w*"))), "a glob asks for all");
	ok(selection_asks_all(SELECTION(NAMES("a", "?"))), "also one of some");
	ok(!selection_asks_all(SELECTION(NAMES("a", "b"))), "names do not");
	ok(!selection_asks_all(SELECTION(NAMES("*"), .group = "g")) &&
	    !selection_asks_all(SELECTION(.subscription = "s")) &&
	    !selection_asks_all(SELECTION(TAGS("t"))) &&
	    !selection_asks_all(SELECTION(.status = "s")) &&
	    !selection_asks_all(SELECTION(.query = "q")),
	    "nor does anything else");
}

static void
test_conditions(void)
{
	ok(has(SELECTION(NAMES("web01", "DB")), " and name in~ ('web01', 'DB') "
	    "| join"), "names");
	ok(make(SELECTION(NAMES("web01", "d*"))) == 0 &&
	    strstr(query.data, "name in~") == NULL, "not beside a glob");
	ok(has(SELECTION(.group = "rg"), " and resourceGroup =~ 'rg' |"),
	    "group");
	ok(has(SELECTION(.subscription = "s"), " | where subscriptionId =~ 's' "
	    "or subscriptionName =~ 's' |"), "subscription");
	ok(has(SELECTION(.status = "Connected"), " | where status =~ 'Connected' "
	    "|"), "status");
	ok(has(SELECTION(TAGS("Env=prod", "os.x", "empty=")),
	    " and tostring(tags) contains 'Env'"
	    " and tostring(tags) contains 'prod'"
	    " and tostring(tags) contains 'os.x'"
	    " and tostring(tags) contains 'empty' | join"), "tags");
	ok(has(SELECTION(TAGS("a\"b=c\\d", "\xc3\xa4=\xc3\xb6", "x=/")),
	    "virtualmachines') and tostring(tags) contains 'x' | join"),
	    "but not what JSON may escape");
	ok(has(SELECTION(.query = "a // b"), " | where (\na // b\n) | project"),
	    "the user's own, on lines of its own");
}

static void
test_quoting(void)
{
	static const char *const bad[] = { "a\nb", "\t", "\x7f", "a\x01", "" };
	size_t i;

	ok(has(SELECTION(.group = "o'hara"), "=~ 'o\\'hara' |"), "a quote");
	ok(has(SELECTION(.group = "a\\"), "=~ 'a\\\\' |"), "a backslash");
	ok(has(SELECTION(.group = "\\'|x"), "=~ '\\\\\\'|x' |"), "both");
	ok(has(SELECTION(.group = "\"//%"), "=~ '\"//%' |"),
	    "what is nothing special");
	ok(has(SELECTION(NAMES("a'", "'b"), .subscription = "'", .status = "\\"),
	    "('a\\'', '\\'b')") && strstr(query.data, "=~ '\\'' or "
	    "subscriptionName =~ '\\''") != NULL &&
	    strstr(query.data, "status =~ '\\\\' |") != NULL, "everywhere");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(make(SELECTION(.group = bad[i])) == -1 &&
		    e.status == EX_USAGE && query.data == NULL &&
		    make(SELECTION(NAMES("a", bad[i]))) == -1 &&
		    make(SELECTION(TAGS(bad[i]))) == -1 &&
		    make(SELECTION(.subscription = bad[i])) == -1 &&
		    make(SELECTION(.status = bad[i])) == -1,
		    "refused, %zu: %s", i, e.cause);
	ok(make(SELECTION(TAGS("=v"))) == -1 && e.status == EX_USAGE,
	    "a tag without a name: %s", e.cause);
	ok(make(SELECTION(.query = " \n")) == -1 && e.status == EX_USAGE,
	    "an empty query: %s", e.cause);
}

static void
test_too_long(void)
{
	char *text = malloc(70000);

	memset(text, 'x', 69999);
	text[69999] = '\0';
	ok(make(SELECTION(.query = text)) == -1 && e.status == EX_USAGE,
	    "%s", e.cause);
	free(text);
}

static void
test_names(void)
{
	static const struct { const char *pattern, *name; int is; } rows[] = {
		{ "web01", "WEB01", 1 }, { "web01", "web011", 0 },
		{ "web011", "web01", 0 }, { "*", "", 1 }, { "*", "x", 1 },
		{ "?", "", 0 }, { "?", "x", 1 }, { "?", "xx", 0 },
		{ "web*", "Web01", 1 }, { "*01", "web01", 1 },
		{ "*01", "web0101", 1 }, { "*01", "web010", 0 },
		{ "w*b*1", "web01", 1 }, { "w*b*2", "web01", 0 },
		{ "w?b*", "web", 1 }, { "**a**", "a", 1 }, { "*?", "", 0 },
		{ "[w]*", "web", 0 }, { "w\\*", "w\\x", 1 }, { "", "", 1 },
		{ "w*", "*", 0 }, { "*b", "a*b", 1 },
	};
	struct machine m = { .name = "" };
	char name[20001];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		m.name = rows[i].name;
		ok(selection_has(SELECTION(NAMES("no", rows[i].pattern)), &m) ==
		    rows[i].is, "\"%s\" is %s\"%s\"", rows[i].name,
		    rows[i].is ? "" : "not ", rows[i].pattern);
	}
	memset(name, 'a', 20000);
	name[20000] = '\0';
	m.name = name;
	ok(!selection_has(SELECTION(NAMES("*a*a*a*a*a*a*a*a*a*a*b")), &m),
	    "a long name and many stars, at once");
	ok(selection_has(SELECTION(.group = "judged by Azure"), &m),
	    "no names: any");
}

static void
test_tags(void)
{
	static const struct machine_tag tags[] = { { "Env", "Prod" },
	    { "a.b", "" }, { "a=b", "c" } };
	const struct machine m = { .name = "n", .tags = tags, .ntags = 3 };

	ok(selection_has(SELECTION(TAGS("env=PROD")), &m) &&
	    selection_has(SELECTION(TAGS("ENV", "A.B=", "a.b")), &m),
	    "any case");
	ok(!selection_has(SELECTION(TAGS("env=pro")), &m) &&
	    !selection_has(SELECTION(TAGS("en")), &m) &&
	    !selection_has(SELECTION(TAGS("env=")), &m) &&
	    !selection_has(SELECTION(TAGS("env", "x")), &m), "all of it, all");
	ok(strcmp(machine_tag(&m, "ENV"), "Prod") == 0 &&
	    machine_tag(&m, "En") == NULL, "machine_tag");
}

#define SERVER	"Microsoft.HybridCompute/machines"
#define VMWARE	"microsoft.connectedvmwarevsphere/virtualmachines"

static void
add(struct machines *l, const char *id, const char *name, const char *group,
    const char *type)
{
	const struct machine m = { .id = id, .name = name, .group = group,
	    .subscription = "s", .subscription_name = "", .type = type,
	    .kind = "", .location = "", .os = "", .agent = "", .status = "" };

	(void)machines_add(l, &m);
}

/* The ids, in their order. */
static int
are(const struct machines *l, const char *ids)
{
	char text[64] = "";
	size_t i;

	for (i = 0; i < l->n; i++)
		(void)strcat(text, l->at[i].id);
	return (strcmp(text, ids) == 0);
}

static bool
is_not_c(const void *arg, const struct machine *m)
{
	return (strcmp(m->id, arg) != 0);
}

static void
test_merge(void)
{
	struct machines l = MACHINES_INIT;

	machines_merge(&l);
	ok(l.n == 0, "nothing");
	add(&l, "d", "web", "g2", VMWARE);
	add(&l, "c", "WEB", "g", VMWARE);
	add(&l, "b", "web", "G", SERVER);
	add(&l, "a", "web", "g", VMWARE);
	add(&l, "x", "db", "g", VMWARE);
	add(&l, "x", "db", "g", VMWARE);
	add(&l, "y", "zz", "g", SERVER);
	add(&l, "Y", "zz", "g", SERVER);
	add(&l, "z", "zz", "g", SERVER);
	machines_sort(&l);
	machines_merge(&l);
	ok(are(&l, "xbdyz") || are(&l, "xbdYz"), "one of each, the Arc server");
	machines_filter(&l, is_not_c, "b");
	ok(l.n == 4 && l.at[1].id[0] == 'd', "one less");
	machines_free(&l);
}

/* Reads it into a list that is thrown away. */
static int
page(const char *text, struct graph_page *p, const char **what,
    struct machines *l)
{
	char why[JS_WHY_MAX];
	static struct js *j;

	js_free(j);
	machines_free(l);
	*what = "";
	if ((j = js_parse(text, strlen(text), why)) == NULL)
		return (-1);
	return (graph_page_read(j, p, l, what));
}

static void
test_pages(void)
{
	static const struct { const char *text, *what; } bad[] = {
		{ "[]", "no array" }, { "{}", "no array" },
		{ "{\"data\":{}}", "no array" },
		{ "{\"data\":[],\"totalRecords\":\"x\"}", "totalRecords" },
		{ "{\"data\":[],\"totalRecords\":-1}", "totalRecords" },
		{ "{\"data\":[],\"$skipToken\":7}", "$skipToken" },
		{ "{\"data\":[],\"resultTruncated\":\"true\"}", "cut short" },
		{ "{\"data\":[],\"resultTruncated\":true}", "cut short" },
		{ "{\"data\":[],\"resultTruncated\":\"True\","
		    "\"$skipToken\":\"\"}", "cut short" },
		{ "{\"data\":[7]}", "no machine" },
		{ "{\"data\":[null]}", "no machine" },
		{ "{\"data\":[[]]}", "no machine" },
		{ "{\"data\":[{}]}", "no machine" },
		{ "{\"data\":[{\"id\":\"/a\"}]}", "no machine" },
		{ "{\"data\":[{\"id\":\"/a\",\"name\":7}]}", "no machine" },
		{ "{\"data\":[{\"id\":null,\"name\":\"a\"}]}", "no machine" },
	};
	struct machines l = MACHINES_INIT;
	struct graph_page p;
	const char *what;
	size_t i;
	int rc;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		rc = page(bad[i].text, &p, &what, &l);
		ok(rc == -1 && strstr(what, bad[i].what) != NULL, "%s: %s",
		    bad[i].text, what);
	}
	ok(page("{\"data\":[],\"totalRecords\":0}", &p, &what, &l) == 0 &&
	    p.rows == 0 && p.next == NULL, "an empty list");
	ok(page("{\"data\":[{\"id\":\"/a\",\"name\":\"a\",\"tags\":null}],"
	    "\"totalRecords\":7,\"resultTruncated\":\"true\","
	    "\"$skipToken\":\"t\"}", &p, &what, &l) == 0 && p.rows == 1 &&
	    p.total == 7 && strcmp(p.next, "t") == 0 &&
	    strcmp(l.at[0].os, "") == 0 && l.at[0].ntags == 0,
	    "what is not said is empty");
	ok(page("{\"data\":[{\"id\":\"/a\",\"name\":\"a\",\"os\":7,\"tags\":"
	    "{\"x.y\":\"1\",\"n\":7,\"\":\"2\"}}]}", &p, &what, &l) == 0 &&
	    l.at[0].ntags == 2 && strcmp(machine_tag(&l.at[0], "X.Y"), "1") == 0 &&
	    strcmp(machine_tag(&l.at[0], ""), "2") == 0, "tags of any name");
	machines_free(&l);
	(void)page("", &p, &what, &l);
}

static void
test_why(void)
{
	static const char refusal[] = "{\"error\":{\"code\":\"BadRequest\","
	    "\"details\":[{\"code\":\"InvalidQuery\",\"message\":\"long\"},"
	    "{\"code\":\"ParserFailure\",\"message\":\"ParserFailure\","
	    "\"line\":3,\"characterPositionInLine\":7,\"token\":\"|\"}]}}";
	static const char other[] = "{\"error\":{\"details\":[{\"message\":\"m\"}"
	    "]}}";
	char out[GRAPH_WHY_MAX];

	ok(strcmp(graph_why(refusal, strlen(refusal), 2, out), "ParserFailure at "
	    "line 2, character 7, near \"|\"") == 0, "%s", out);
	ok(strcmp(graph_why(refusal, strlen(refusal), 1, out), "ParserFailure at "
	    "its end") == 0, "%s", out);
	ok(strcmp(graph_why(other, strlen(other), 1, out), "m") == 0 &&
	    strcmp(graph_why("{}", 2, 1, out), "") == 0 &&
	    strcmp(graph_why("x", 1, 1, out), "") == 0 &&
	    strcmp(graph_why("{\"error\":{\"details\":7}}", 23, 1, out),
	    "") == 0, "less, and nothing");
}

static void
test_json(void)
{
	struct js *j = js_object(), *inner = js_object();
	struct secret text = SECRET_INIT;
	void *at = NULL;

	ok(js_put(j, "a.b", js_text("\xe2\x80\xae\x1b")) == 0 &&
	    js_put(j, "", inner) == 0 && js_dump(j, &text) == 0 &&
	    strcmp(text.data, "{\"a.b\":\"\\u202E\\u001B\",\"\":{}}") == 0,
	    "any names, as ASCII");
	ok(js_each(j, &at) != NULL && strcmp(js_name(at), "a.b") == 0 &&
	    js_each(j, &at) == inner && strcmp(js_name(at), "") == 0,
	    "the names of members");
	ok(js_put(j, "x", js_text("\xff")) == -1 &&
	    js_put(j, "\xff", js_text("x")) == -1 &&
	    js_put(NULL, "x", js_text("x")) == -1,
	    "what cannot be is refused, and its value freed");
	secret_free(&text);
	js_free(j);
}

int
main(void)
{
	test_all();
	test_conditions();
	test_quoting();
	test_too_long();
	test_names();
	test_tags();
	test_merge();
	test_pages();
	test_why();
	test_json();
	secret_free(&query);
	return (done_testing());
}
