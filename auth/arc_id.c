/*
 * Resource ids of machines, see arc.h.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "auth/arc.h"
#include "auth/letter.h"
#include "relay/err.h"

/* What can have a relay endpoint (arc-relay-protocol(7), MACHINES). */
static const char *const types[] = {
	"Microsoft.HybridCompute/machines",
	"Microsoft.ConnectedVMwarevSphere/virtualMachines",
	"Microsoft.ScVmm/virtualMachines",
	"Microsoft.AzureStackHCI/virtualMachines",
};

/* Steps over word in *p, any case. */
static int
skip(const char **p, const char *word)
{
	size_t len = strlen(word);

	if (strncasecmp(*p, word, len) != 0)
		return (-1);
	*p += len;
	return (0);
}

/* Takes what is before the next slash, or the end, if it fits. */
static int
take(const char **p, char *out, size_t size)
{
	size_t len = strcspn(*p, "/");

	if (len == 0 || len >= size)
		return (-1);
	(void)snprintf(out, size, "%.*s", (int)len, *p);
	*p += len;
	return (0);
}

static int
is_guid(const char *s)
{
	size_t i;

	for (i = 0; i < 36; i++) {
		int dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? s[i] != '-' : !isxdigit((unsigned char)s[i]))
			return (0);
	}
	return (s[36] == '\0');
}

/* ARM's rule for names; letters outside ASCII are for groups only. */
static int
is_name(const char *s, const char *also, int beyond_ascii)
{
	size_t n;

	for (; *s != '\0'; s += n) {
		unsigned char c = (unsigned char)*s;

		n = c < 0x80 ? isalnum(c) || strchr(also, c) != NULL :
		    beyond_ascii ? letter_size(s) : 0;
		if (n == 0)
			return (0);
	}
	return (s[-1] != '.');
}

static int
refuse(const char *what, struct err *e)
{
	err_set(e, EX_USAGE, "", "not the resource id of a machine: %s", what);
	return (err_fix(e, "/subscriptions/GUID/resourceGroups/GROUP/providers/"
	    "Microsoft.HybridCompute/machines/NAME"));
}

/* Steps over the type, which must be one that has a relay. */
static int
take_type(const char **p, struct err *e)
{
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (skip(p, types[i]) == 0 && skip(p, "/") == 0)
			return (0);
	if (skip(p, "Microsoft.Compute/virtualMachines/") == 0) {
		err_set(e, EX_NOHOST, "E202", "this is an Azure VM; it is "
		    "reached by its address, not by the Arc relay");
		return (err_fix(e, "ssh to its address: az vm list-ip-addresses "
		    "-o table"));
	}
	return (refuse("its type has no relay", e));
}

int
arc_id_parse(const char *text, struct arc_id *id, struct err *e)
{
	const char *p = id->text;
	size_t len = strlen(text);

	while (len > 0 && text[len - 1] == '/')
		len--;
	if (len > ARC_ID_MAX)
		return (refuse("it is too long", e));
	(void)snprintf(id->text, sizeof(id->text), "%.*s", (int)len, text);

	if (skip(&p, "/subscriptions/") == -1 ||
	    take(&p, id->subscription, sizeof(id->subscription)) == -1 ||
	    !is_guid(id->subscription))
		return (refuse("it does not begin with a subscription", e));
	if (skip(&p, "/resourceGroups/") == -1 ||
	    take(&p, id->group, sizeof(id->group)) == -1 ||
	    !is_name(id->group, "_-.()", 1))
		return (refuse("it has no valid resource group", e));
	if (skip(&p, "/providers/") == -1)
		return (refuse("it has no resource type", e));
	if (take_type(&p, e) == -1)
		return (-1);
	if (take(&p, id->name, sizeof(id->name)) == -1 || *p != '\0' ||
	    !is_name(id->name, "_-.", 0))
		return (refuse("it does not end in a valid name", e));
	return (0);
}
