/*
 * Goal: only what is certainly the id of a machine goes into a URL.
 */
#include <string.h>

#include "auth/arc.h"
#include "relay/err.h"
#include "test/unit/tap.h"

#define SUB	"/subscriptions/00000000-1111-2222-3333-44444444abCD"
#define GROUP	SUB "/resourceGroups/rg-1"
#define TYPE	GROUP "/providers/Microsoft.HybridCompute/machines/"

static void
is_good(const char *text, const char *as, const char *group, const char *name)
{
	struct err e = ERR_INIT;
	struct arc_id id;

	ok(arc_id_parse(text, &id, &e) == 0 && strcmp(id.text, as) == 0 &&
	    strcmp(id.group, group) == 0 && strcmp(id.name, name) == 0,
	    "taken: %s %s", text, e.cause);
}

static void
is_bad(const char *text, int status)
{
	struct err e = ERR_INIT;
	struct arc_id id;

	ok(arc_id_parse(text, &id, &e) == -1 && e.status == status &&
	    e.fix[0] != '\0', "refused: \"%.60s\": %s", text, e.cause);
}

int
main(void)
{
	char text[3000];

	is_good(TYPE "web01", TYPE "web01", "rg-1", "web01");
	is_good(TYPE "web01//", TYPE "web01", "rg-1", "web01");
	is_good("/SUBSCRIPTIONS/00000000-1111-2222-3333-444444444444/"
	    "resourcegroups/Rg/PROVIDERS/microsoft.hybridcompute/MACHINES/Web",
	    "/SUBSCRIPTIONS/00000000-1111-2222-3333-444444444444/"
	    "resourcegroups/Rg/PROVIDERS/microsoft.hybridcompute/MACHINES/Web",
	    "Rg", "Web");
	is_good(SUB "/resourceGroups/r_(\xc3\xa9).x/providers/"
	    "Microsoft.ConnectedVMwarevSphere/virtualMachines/a-b_c.d",
	    SUB "/resourceGroups/r_(\xc3\xa9).x/providers/"
	    "Microsoft.ConnectedVMwarevSphere/virtualMachines/a-b_c.d",
	    "r_(\xc3\xa9).x", "a-b_c.d");
	is_good(GROUP "/providers/Microsoft.ScVmm/virtualMachines/v",
	    GROUP "/providers/Microsoft.ScVmm/virtualMachines/v", "rg-1", "v");
	is_good(GROUP "/providers/Microsoft.AzureStackHCI/virtualMachines/v",
	    GROUP "/providers/Microsoft.AzureStackHCI/virtualMachines/v",
	    "rg-1", "v");

	is_bad("", EX_USAGE);
	is_bad("web01", EX_USAGE);
	is_bad("//", EX_USAGE);
	is_bad(SUB, EX_USAGE);
	is_bad("/subscriptions/not-a-guid/resourceGroups/r/providers/"
	    "Microsoft.HybridCompute/machines/w", EX_USAGE);
	is_bad("/subscriptions/00000000-1111-2222-3333-44444444444g"
	    "/resourceGroups/r/providers/Microsoft.HybridCompute/machines/w",
	    EX_USAGE);
	is_bad(SUB "/resourceGroups//providers/Microsoft.HybridCompute/"
	    "machines/w", EX_USAGE);
	is_bad(SUB "/resourceGroups/dot./providers/Microsoft.HybridCompute/"
	    "machines/w", EX_USAGE);
	is_bad(SUB "/resourceGroups/g\xe2\x80\xae/providers/"	/* U+202E */
	    "Microsoft.HybridCompute/machines/w", EX_USAGE);
	is_bad(SUB "/resourceGroups/g\xc3/providers/"
	    "Microsoft.HybridCompute/machines/w", EX_USAGE);
	is_bad(SUB "/resourceGroups/../providers/Microsoft.HybridCompute/"
	    "machines/w", EX_USAGE);
	is_bad(GROUP "/providers/Microsoft.Storage/accounts/x", EX_USAGE);
	is_bad(TYPE, EX_USAGE);
	is_bad(TYPE "w/providers/x", EX_USAGE);
	is_bad(TYPE "..", EX_USAGE);
	is_bad(TYPE "a?b", EX_USAGE);
	is_bad(TYPE "a#b", EX_USAGE);
	is_bad(TYPE "a%2fb", EX_USAGE);
	is_bad(TYPE "a b", EX_USAGE);
	is_bad(TYPE "a\r\nb", EX_USAGE);
	is_bad(TYPE "\xc3\xa9", EX_USAGE);
	is_bad(" " TYPE "w", EX_USAGE);
	is_bad(GROUP "/providers/Microsoft.Compute/virtualMachines/vm",
	    EX_NOHOST);
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	is_bad(text, EX_USAGE);
	memcpy(text, TYPE, strlen(TYPE));
	text[strlen(TYPE) + 65] = '\0';
	is_bad(text, EX_USAGE);
	return (done_testing());
}
