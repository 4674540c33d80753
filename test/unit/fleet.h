/*
 * Lists of machines for tests, and what nobody should be called.
 */
#ifndef TEST_FLEET_H
#define TEST_FLEET_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/machines.h"

#define FLEET_GUID	"11111111-2222-3333-4444-555555555555"
#define FLEET_OTHER	"99999999-2222-3333-4444-555555555555"

/* Of a subscription and its name; the id is made of the parts, whatever they are. */
static inline void
fleet_add_in(struct machines *l, const char *name, const char *group,
    const char *guid, const char *subscription, const char *os, const char *user)
{
	struct machine_tag tags[] = { { "role", "x" }, { "User", user } };
	size_t size = strlen(name) + strlen(group) + strlen(guid) + 100;
	char *id = malloc(size);
	struct machine m = { .id = id, .name = name, .group = group,
	    .subscription = guid, .subscription_name = subscription,
	    .type = "microsoft.hybridcompute/machines", .kind = "",
	    .location = "westeurope", .os = os, .agent = "1.40", .status = "",
	    .tags = tags, .ntags = user != NULL ? 2 : 1 };

	if (id == NULL)
		abort();
	(void)snprintf(id, size, "/subscriptions/%s/resourceGroups/%s/providers/"
	    "Microsoft.HybridCompute/machines/%s", guid, group, name);
	if (machines_add(l, &m) == -1)
		abort();
	free(id);
}

static inline void
fleet_add(struct machines *l, const char *name, const char *group)
{
	fleet_add_in(l, name, group, FLEET_GUID, "Contoso", "linux", NULL);
}

/* No part of an alias, and no name of a user. */
static const char *const fleet_hostile[] = {
	"a\nHost *\n    ProxyCommand touch x", "a\n", "\na", "a\rb", "a\fb", "a\vb",
	"a'b", "'; touch x; '", "a\"b", "\"", "a%n", "%h", "a%%", "$(touch x)",
	"${HOME}", "`touch x`", "a;b", "a|b", "a&b", "a>b", "a<b", "*", "?ood", "a*",
	"!a", "!*", "-oProxyCommand=x", "-", ".a", "_a", "a b", " a", "a ", "a,b",
	"a#b", "#a", "a\tb", "a\\", "a\\b", "a/b", "../a", "a:b", "[a]", "{a,b}",
	"a=b", "=a", "a~", "~root", "a(b)", "m\xc3\xbcll", "\xe2\x80\xaex",
	"a\xe2\x80\x8f", "\xff", "\x1b[31m", "a\x7f", "",
};

#define FLEET_NHOSTILE	(sizeof(fleet_hostile) / sizeof(fleet_hostile[0]))

#endif
