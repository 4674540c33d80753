/*
 * Goal: an alias leads to one machine only, whatever the others are called.
 */
#include <strings.h>

#include "proxy/aliases.h"
#include "relay/clock.h"
#include "test/unit/fleet.h"
#include "test/unit/tap.h"

#define LONG	10000

static struct machines fleet;

/* The aliases of the ith machine, or why it has none, as one line. */
static const char *
line_of(const struct alias_set *sets, size_t i)
{
	static char line[ALIASES_MAX * (ALIAS_MAX + 1) + 1];
	size_t k;

	line[0] = '\0';
	for (k = 0; k < sets[i].n; k++)
		(void)snprintf(line + strlen(line), sizeof(line) - strlen(line),
		    "%s%s", k > 0 ? " " : "", sets[i].name[k]);
	return (sets[i].n > 0 ? line : sets[i].why);
}

/* expected: a line for each machine of the fleet, sorted; the fleet is emptied. */
static void
expect(const char *what, bool bare, const char *const expected[])
{
	struct alias_set *sets;
	size_t i;

	machines_sort(&fleet);
	sets = aliases_make(&fleet, bare);
	for (i = 0; i < fleet.n; i++)
		if (!ok(strcmp(line_of(sets, i), expected[i]) == 0, "%s: machine %zu",
		    what, i + 1))
			(void)printf("# %s\n", line_of(sets, i));
	free(sets);
	machines_free(&fleet);
}

#define EXPECT(what, bare, ...)	\
	expect(what, bare, (const char *const[]){ __VA_ARGS__ })

#define SHARED	"whatever it could be called, others could be too"
#define GROUP	"others have its name, and its group cannot be in a host name"
#define NO_ID	"its resource id is not that of a machine with a relay"
#define NAME	"its name cannot be a host name"

static void
forms(void)
{
	fleet_add(&fleet, "web01", "prod");
	EXPECT("three names", false, "web01.arc web01.prod.arc "
	    "web01.prod.contoso.arc web01.prod.Contoso.arc");
	fleet_add(&fleet, "Web01", "Prod");
	EXPECT("in lower case first", false, "web01.arc Web01.arc "
	    "web01.prod.arc Web01.Prod.arc web01.prod.contoso.arc "
	    "Web01.Prod.Contoso.arc");
	fleet_add(&fleet, "Web01", "Prod");
	fleet_add(&fleet, "db.x", "Prod");
	fleet_add(&fleet, "LocalHost", "p");
	EXPECT("bare", true,
	    "db.x.arc db.x.prod.arc db.x.Prod.arc db.x.prod.contoso.arc "
	    "db.x.Prod.Contoso.arc",
	    "localhost.arc LocalHost.arc localhost.p.arc LocalHost.p.arc "
	    "localhost.p.contoso.arc LocalHost.p.Contoso.arc",
	    "web01.arc Web01.arc web01.prod.arc Web01.Prod.arc "
	    "web01.prod.contoso.arc Web01.Prod.Contoso.arc web01 Web01");
	fleet_add_in(&fleet, "a", "g", FLEET_GUID, "My Test", "linux", NULL);
	EXPECT("the GUID where the name does not fit", false,
	    "a.arc a.g.arc a.g." FLEET_GUID ".arc");
	fleet_add_in(&fleet, "a", "g", FLEET_GUID, FLEET_GUID, "linux", NULL);
	EXPECT("a subscription called as its GUID", false,
	    "a.arc a.g.arc a.g." FLEET_GUID ".arc");
	fleet_add_in(&fleet, "a", "g", FLEET_GUID, "", "linux", NULL);
	EXPECT("a subscription without a name", false,
	    "a.arc a.g.arc a.g." FLEET_GUID ".arc");
}

static void
shared(void)
{
	fleet_add(&fleet, "web", "prod");
	fleet_add(&fleet, "WEB", "test");
	EXPECT("two groups", true,
	    "web.prod.arc web.prod.contoso.arc web.prod.Contoso.arc",
	    "web.test.arc WEB.test.arc web.test.contoso.arc WEB.test.Contoso.arc");
	fleet_add(&fleet, "web", "prod");
	fleet_add(&fleet, "Web.Prod", "x");
	EXPECT("one's name is the other's name and group", false,
	    "web.arc web.prod.contoso.arc web.prod.Contoso.arc",
	    "web.prod.x.arc Web.Prod.x.arc web.prod.x.contoso.arc "
	    "Web.Prod.x.Contoso.arc");
	fleet_add(&fleet, "web", "prod");
	fleet_add_in(&fleet, "web", "prod", FLEET_OTHER, "contoso", "linux", NULL);
	EXPECT("two subscriptions of one name", false,
	    "web.prod." FLEET_GUID ".arc", "web.prod." FLEET_OTHER ".arc");
	fleet_add(&fleet, "web", "a");
	fleet_add(&fleet, "web", "b");
	fleet_add(&fleet, "web", "a(b)");
	EXPECT("a group that is no part of a host name", false,
	    "web.a.arc web.a.contoso.arc web.a.Contoso.arc", GROUP,
	    "web.b.arc web.b.contoso.arc web.b.Contoso.arc");
	fleet_add(&fleet, "a", "b.c");
	fleet_add(&fleet, "a.b", "c");
	EXPECT("where the dots are", false,
	    "a.arc", "a.b.arc");
	fleet_add(&fleet, "web", "prod");
	fleet_add(&fleet, "web", "prod");
	EXPECT("the same one twice", false, "web.arc web.prod.arc "
	    "web.prod.contoso.arc web.prod.Contoso.arc", "it is listed twice");
}

/* Each of the three names of a machine is another's too. */
static void
none_left(void)
{
	char name[100];

	(void)snprintf(name, sizeof(name), "a.b." FLEET_GUID);
	fleet_add_in(&fleet, "a", "b", FLEET_GUID, "", "linux", NULL);
	fleet_add_in(&fleet, "a", "c", FLEET_GUID, "", "linux", NULL);
	fleet_add_in(&fleet, "a.b", "c", FLEET_GUID, "", "linux", NULL);
	fleet_add_in(&fleet, name, "c", FLEET_GUID, "", "linux", NULL);
	EXPECT("nothing is left", false, SHARED,
	    "a.c.arc a.c." FLEET_GUID ".arc",
	    "a.b.c.arc a.b.c." FLEET_GUID ".arc",
	    "a.b." FLEET_GUID ".c.arc "
	    "a.b." FLEET_GUID ".c." FLEET_GUID ".arc");
}

/* A machine whose resource id is in order, but whose other names are hostile. */
static void
add_liar(const char *name, const char *group, const char *subscription)
{
	struct machine m = { .id = "/subscriptions/" FLEET_GUID "/resourceGroups/"
	    "g/providers/Microsoft.HybridCompute/machines/m", .name = name,
	    .group = group, .subscription = FLEET_GUID,
	    .subscription_name = subscription, .type = "", .kind = "",
	    .location = "", .os = "", .agent = "", .status = "" };

	if (machines_add(&fleet, &m) == -1)
		abort();
}

static void
hostile(void)
{
	char *longest = malloc(LONG + 1);
	size_t i;

	memset(longest, 'a', LONG);
	longest[LONG] = '\0';
	for (i = 0; i <= FLEET_NHOSTILE; i++) {
		const char *bad = i < FLEET_NHOSTILE ? fleet_hostile[i] : longest;

		add_liar(bad, "g", "s");
		EXPECT("no name", true, NAME);
		add_liar("m", bad, "s");
		EXPECT("no group", true, "m.arc m");
		add_liar("m", "g", bad);
		EXPECT("no subscription", true,
		    "m.arc m.g.arc m.g." FLEET_GUID ".arc m");
		fleet_add(&fleet, bad, "g");
		EXPECT("nor with an id of it", true, NAME);
	}
	free(longest);
	fleet_add(&fleet, "m", "g/h");
	EXPECT("an id that is none", true, NO_ID);
}

/* Names as long as can be: 253 bytes, and one more. */
static void
lengths(void)
{
	char name[ALIAS_MAX], group[ALIAS_MAX];
	struct alias_set *sets;

	memset(name, 'n', 64);
	name[64] = '\0';
	memset(group, 'g', sizeof(group));
	group[ALIAS_MAX - 64 - 5] = '\0';
	add_liar(name, group, "s");
	sets = aliases_make(&fleet, false);
	ok(sets[0].n == 2 && strlen(sets[0].name[1]) == ALIAS_MAX,
	    "an alias of 253 bytes");
	free(sets);
	machines_free(&fleet);
	group[ALIAS_MAX - 64 - 5] = 'g';
	group[ALIAS_MAX - 64 - 4] = '\0';
	add_liar(name, group, "s");
	sets = aliases_make(&fleet, false);
	ok(sets[0].n == 1, "no longer one");
	free(sets);
	machines_free(&fleet);
}

static void
many(size_t n)
{
	struct alias_set *sets;
	char name[32], group[32];
	size_t i, unique = 0;
	int64_t began;

	for (i = 0; i < n; i++) {
		(void)snprintf(name, sizeof(name), "Web%05zu", i / 2);
		(void)snprintf(group, sizeof(group), "group-%zu", i % 50);
		fleet_add(&fleet, name, group);
	}
	machines_sort(&fleet);
	began = clock_ms();
	sets = aliases_make(&fleet, true);
	(void)printf("# %zu machines: %lld ms\n", n, (long long)(clock_ms() - began));
	for (i = 0; i < n; i++)
		unique += sets[i].n == 4;
	ok(unique == n, "%zu machines, each name twice", n);
	free(sets);
	machines_free(&fleet);
}

static void
keys(void)
{
	static const char id[] = "/subscriptions/" FLEET_GUID "/resourceGroups/"
	    "prod/providers/Microsoft.HybridCompute/machines/web01";
	char key[ALIAS_KEY_MAX + 1], other[ALIAS_KEY_MAX + 1], upper[sizeof(id)];
	size_t i;

	for (i = 0; i < sizeof(id); i++)
		upper[i] = id[i] >= 'a' && id[i] <= 'z' ? (char)(id[i] - 32) : id[i];
	alias_key(id, key);
	alias_key(upper, other);
	ok(strcmp(key, "arc-4c2b3a6685f1d76c") == 0, "the key's alias: %s", key);
	ok(strcmp(key, other) == 0, "in any case");
	upper[sizeof(id) - 2] = '2';
	alias_key(upper, other);
	ok(strcmp(key, other) != 0, "another machine, another alias");
}

int
main(void)
{
	struct alias_set *sets = aliases_make(&fleet, false);

	ok(sets != NULL, "no machine");
	free(sets);
	forms();
	shared();
	none_left();
	hostile();
	lengths();
	many(1000);
	many(10000);
	keys();
	return (done_testing());
}
