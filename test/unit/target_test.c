/*
 * Goal: a target is what a machine can be called and nothing that a shell, a
 * terminal or a file system could take for something else; names with dots mean
 * every machine that they can mean.
 */
#include <stdlib.h>
#include <string.h>

#include "auth/target.h"
#include "relay/err.h"
#include "test/unit/tap.h"

#define GUID	"00000000-1111-2222-3333-444444444444"
#define WEB01	"/subscriptions/" GUID "/resourceGroups/rg/providers/" \
		"Microsoft.HybridCompute/machines/web01"

static struct err e;
static struct target t;

static int
parse(const char *text)
{
	e = (struct err)ERR_INIT;
	memset(&t, 'x', sizeof(t));
	return (target_parse(text, &t, &e));
}

static void
test_good(void)
{
	static const char *const good[] = { "web01", "WEB01.arc", "a", "_x",
	    "web01.rg-1.My Subscription", "w.g.s (prod) 2.arc", "web_01.a.b",
	    "web01.gr\xc3\xbc" "n", "web01.(g)", "w.\xe4\xb8\xad\xe6\x96\x87",
	    "w.\xd0\xb6.\xd7\xa9\xd7\x9c", "w.g." GUID, "web..01", "1.2.3.4" };
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ok(parse(good[i]) == 0 && !t.is_id &&
		    strcmp(t.text, good[i]) == 0, "%s", good[i]);
	ok(parse(WEB01 "/") == 0 && t.is_id && strcmp(t.text, WEB01) == 0,
	    "an id, without the slash at its end");
	ok(parse("/subscriptions/" GUID "/resourceGroups/rg/providers/"
	    "Microsoft.Compute/virtualMachines/x") == -1 &&
	    strcmp(e.id, "E202") == 0, "an Azure VM: %s", e.cause);
	ok(parse("/nonsense") == -1 && e.status == EX_USAGE, "no id: %s",
	    e.cause);
}

static void
test_bad(void)
{
	static const char *const bad[] = { "", " ", "web 01", "web01 ", "-v",
	    "-", ".", "..", ".arc", "web01.", "web01.g.s ", "../x", "a/b",
	    "a\\b", "web01\n", "web\t01", "\x1b[31m", "web01\x7f", "a'b", "a\"b",
	    "a`id`", "$(id)", "a;b", "a|b", "a&b", "a<b", "a>b", "a*", "a?",
	    "a!b", "a%n", "a#b", "a~b", "a@b", "a:b", "a,b", "a=b", "a+b",
	    "{a}", "[a]", "a^b", "web(1)", "web01.g g", "gr\xc3\xbcn",
	    "w.g\xc2\x85", "w.g\xc2\xa0", "w.\xe2\x80\xae" "g",
	    "w.\xe2\x80\x8b" "g", "w.\xef\xbb\xbf" "g", "w.\xd8\x9c" "g",
	    "w.\xe2\x81\xa6", "w.\xff", "w.\xc3", "w.\xc0\xae",
	    "w.\xe0\x80\xaf", "w.\xe0\x83\x80", "w.\xf0\x80\x83\x80", "w.\xed\xa0\x80", "w.\xf4\x90\x80\x80",
	    "w.\xf0\x9f\x98\x80", "w.\xee\x80\x80", "w.\xe3\x80\x80",
	    "w.\xf3\xa0\x81\x81", "w.\xe2\x80\xa8" };
	char text[2000];
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(parse(bad[i]) == -1 && e.status == EX_USAGE &&
		    e.fix[0] != '\0' && t.text[0] == '\0', "not %zu: %s", i,
		    e.cause);
	memset(text, 'a', sizeof(text));
	text[401] = '\0';
	ok(parse(text) == -1, "401 letters");
	text[400] = '\0';
	ok(parse(text) == 0, "400 letters");
}

static void
test_is(void)
{
	static const struct {
		const char *text, *name, *group, *sub_name;
		int is;
	} v[] = {
		{ "web01", "web01", "rg", "Prod", 1 },
		{ "WEB01.ARC", "web01", "rg", "Prod", 1 },
		{ "web01.RG", "Web01", "rg", "Prod", 1 },
		{ "web01.rg.arc", "web01", "rg", "Prod", 1 },
		{ "web01.rg.prod", "web01", "rg", "Prod", 1 },
		{ "web01.rg.prod.Arc", "web01", "rg", "Prod", 1 },
		{ "web01.rg." GUID, "web01", "rg", "Prod", 1 },
		{ "web01.rg." GUID ".arc", "web01", "rg", "", 1 },
		{ "web01", "web01", "", "", 1 },
		{ "web01.rg.a b (c)", "web01", "rg", "A b (c)", 1 },
		{ "web", "web01", "rg", "Prod", 0 },
		{ "web011", "web01", "rg", "Prod", 0 },
		{ "web01-rg", "web01", "rg", "Prod", 0 },
		{ "web01.rg-prod", "web01", "rg", "Prod", 0 },
		{ "web01.r", "web01", "rg", "Prod", 0 },
		{ "web01.rgg", "web01", "rg", "Prod", 0 },
		{ "web01.rg.pro", "web01", "rg", "Prod", 0 },
		{ "web01.rg.prod.x", "web01", "rg", "Prod", 0 },
		{ "web01.rg.", "web01", "rg", "", 0 },
		{ "web01.", "web01", "", "", 0 },
		{ "web01..arc", "web01", "", "", 0 },
		{ "web01.prod", "web01", "rg", "Prod", 0 },
		{ "web01.arc.arc", "web01", "rg", "Prod", 0 },
		{ "rg.web01", "web01", "rg", "Prod", 0 },
		/* dots in them */
		{ "a.b", "a.b", "c", "", 1 }, { "a.b", "a", "b", "", 1 },
		{ "a.b.c", "a.b", "c", "", 1 }, { "a.b.c", "a", "b.c", "", 1 },
		{ "a.b.c", "a", "b", "c", 1 }, { "a.b.c", "a", "c", "b", 0 },
		{ "web01.arc", "web01.arc", "rg", "", 1 },
		{ "web01.arc.arc", "web01.arc", "rg", "", 1 },
		{ "web01.arc", "web01", "arc", "", 1 },
		{ "web01.arc.arc", "web01", "arc", "", 1 },
		{ "web01.arc.rg", "web01.arc", "rg", "", 1 },
		{ "web01", "web01.arc", "rg", "", 0 },
	};
	size_t i;

	for (i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		ok(target_is(v[i].text, v[i].name, v[i].group, GUID,
		    v[i].sub_name) == v[i].is, "%s is %s%s of %s in %s",
		    v[i].text, v[i].is ? "" : "not ", v[i].name, v[i].group,
		    v[i].sub_name);
	ok(strcmp(target_suffix("x.ARC"), ".arc") == 0, "a suffix");
	ok(target_suffix(".arc")[0] == '\0' && target_suffix("arc")[0] == '\0'
	    && target_suffix("x.arc.y")[0] == '\0', "none");
}

int
main(void)
{
	test_good();
	test_bad();
	test_is();
	return (done_testing());
}
