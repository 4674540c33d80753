/*
 * Goal: names of groups are such as ansible takes, whatever they are made of, and a
 * host is in a group once.
 */
#include <string.h>

#include "proxy/groups.h"
#include "test/unit/tap.h"

static void
named(const char *kind, const char *what, const char *more, const char *want)
{
	struct groups g = GROUPS_INIT;

	ok(groups_add(&g, 0, kind, what, more) == 0 && g.n == 1 &&
	    strcmp(g.at[0].group, want) == 0, "%s", want);
	groups_free(&g);
}

static void
test_order(void)
{
	struct groups g = GROUPS_INIT;
	char all[100] = "";
	size_t i;

	groups_sort(&g);
	ok(g.n == 0, "no members, no groups");
	for (i = 0; i < 400; i++)	/* more than there is room for at first */
		groups_add(&g, 300, "os", "Linux", NULL);
	groups_add(&g, 2, "tag", "a", "B");
	groups_add(&g, 2, "tag", "a b", "");
	groups_add(&g, 1, "os", "linux", NULL);
	groups_sort(&g);
	for (i = 0; i < g.n && i < 5; i++)
		(void)snprintf(all + strlen(all), sizeof(all) - strlen(all),
		    "%s %zu, ", g.at[i].group, g.at[i].host);
	ok(strcmp(all, "os_linux 1, os_linux 300, tag_a_b 2, ") == 0,
	    "by name, then host, each once: %s", all);
	groups_free(&g);
	ok(g.n == 0 && g.at == NULL, "free leaves it empty");
}

int
main(void)
{
	named("arc", NULL, NULL, "arc");
	named("status", "Connected", NULL, "status_connected");
	named("tag", "Env", "Prod", "tag_env_prod");
	named("tag", "env", "", "tag_env");
	named("rg", "My-Group.(1)", NULL, "rg_my_group__1_");
	named("tag", "cost {{ x }}", "a\nb\"c", "tag_cost____x____a_b_c");
	named("location", "Z\xc3\xbcrich \xe2\x82\xac", NULL, "location_z_rich__");
	test_order();
	return (done_testing());
}
