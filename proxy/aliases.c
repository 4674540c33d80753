/*
 * What machines are called, see aliases.h.  All that each could be called is laid
 * out, sorted, and struck out where two are equal.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "auth/arc.h"
#include "auth/machines.h"
#include "auth/text.h"
#include "proxy/aliases.h"
#include "relay/crypto.h"
#include "relay/err.h"

/* The ways to put a name together, in the order in which they are listed. */
enum form { NAME, NAME_GROUP, NAME_GROUP_SUBSCRIPTION, NAME_GROUP_GUID, BARE, NFORMS };

/*
 * What one machine could be called: each form in lower case, and as the machine
 * spells it.  NULL: it has none, or others could be called so too.
 */
struct claims {
	const char	*lower[NFORMS];
	const char	*own[NFORMS];	/* NULL also: the same */
};

/* All that is at work on one list. */
struct work {
	struct claims	*claims;	/* of each machine */
	const char    ***all;		/* where each lower[] is */
	size_t		 nall;
	char		*at;		/* the next name goes here */
};

static bool
fits(const char *part)
{
	return (part[0] != '\0' && strchr("._-", part[0]) == NULL &&
	    text_only(part, "._-"));
}

/* Why the machine can have no alias at all; NULL if it can. */
static const char *
unfit(const struct machines *l, size_t i)
{
	const struct machine *m = &l->at[i];
	struct err e = ERR_INIT;
	struct arc_id id;

	if (!fits(m->name) || strlen(m->name) > ALIAS_MAX - strlen(".arc"))
		return ("its name cannot be a host name");
	if (arc_id_parse(m->id, &id, &e) == -1)
		return ("its resource id is not that of a machine with a relay");
	if (i > 0 && strcasecmp(m->id, l->at[i - 1].id) == 0)
		return ("it is listed twice");
	return (NULL);
}

static const char *
keep(struct work *w, const char *name)
{
	const char *kept = w->at;

	w->at = stpcpy(w->at, name) + 1;
	return (kept);
}

static void __attribute__((format(printf, 4, 5)))
claim(struct work *w, struct claims *c, enum form form, const char *fmt, ...)
{
	char own[ALIAS_MAX + 1], lower[ALIAS_MAX + 1];
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(own, sizeof(own), fmt, ap);
	va_end(ap);
	if (len < 0 || len > ALIAS_MAX)
		return;
	memcpy(lower, own, (size_t)len + 1);
	text_lower(lower);
	c->lower[form] = keep(w, lower);
	if (strcmp(own, lower) != 0)
		c->own[form] = keep(w, own);
	w->all[w->nall++] = &c->lower[form];
}

static void
claim_all(struct work *w, const struct machine *m, struct claims *c, bool bare)
{
	claim(w, c, NAME, "%s.arc", m->name);
	if (fits(m->group)) {
		claim(w, c, NAME_GROUP, "%s.%s.arc", m->name, m->group);
		if (fits(m->subscription_name) &&
		    strcasecmp(m->subscription_name, m->subscription) != 0)
			claim(w, c, NAME_GROUP_SUBSCRIPTION, "%s.%s.%s.arc",
			    m->name, m->group, m->subscription_name);
		if (fits(m->subscription))
			claim(w, c, NAME_GROUP_GUID, "%s.%s.%s.arc",
			    m->name, m->group, m->subscription);
	}
	if (bare && strchr(m->name, '.') == NULL &&
	    strcasecmp(m->name, "localhost") != 0)
		claim(w, c, BARE, "%s", m->name);
}

/* At least as many bytes as claim_all keeps. */
static size_t
room(const struct machine *m)
{
	size_t longest = strlen(m->name) + strlen(m->group) +
	    strlen(m->subscription_name) + strlen(m->subscription) +
	    sizeof("...arc");

	return (2 * NFORMS *
	    (longest <= ALIAS_MAX ? longest : (size_t)ALIAS_MAX + 1));
}

static int
compare(const void *a, const void *b)
{
	const char *const *x = *(const char *const *const *)a;
	const char *const *y = *(const char *const *const *)b;

	return (strcmp(*x, *y));
}

/* Strikes out what several machines could be called; none claims a name twice. */
static void
strike_out(struct work *w)
{
	size_t i, next;

	if (w->nall > 0)
		qsort(w->all, w->nall, sizeof(*w->all), compare);
	for (i = 0; i < w->nall; i = next) {
		const char *name = *w->all[i];

		for (next = i + 1; next < w->nall &&
		    strcmp(*w->all[next], name) == 0; next++)
			*w->all[next] = NULL;
		if (next > i + 1)
			*w->all[i] = NULL;
	}
}

/* What is left of the claims.  The GUID stands in for the subscription's name. */
static void
settle(struct alias_set *set, const struct claims *c, const struct machine *m)
{
	int form;

	for (form = 0; form < NFORMS; form++) {
		if (c->lower[form] == NULL || (form == NAME_GROUP_GUID &&
		    c->lower[NAME_GROUP_SUBSCRIPTION] != NULL))
			continue;
		set->name[set->n++] = c->lower[form];
		if (c->own[form] != NULL)
			set->name[set->n++] = c->own[form];
	}
	if (set->n == 0)
		set->why = fits(m->group) ?
		    "whatever it could be called, others could be too" :
		    "others have its name, and its group cannot be in a host name";
}

static void
make(struct work *w, const struct machines *l, bool bare, struct alias_set *sets)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		if ((sets[i].why = unfit(l, i)) == NULL)
			claim_all(w, &l->at[i], &w->claims[i], bare);
	strike_out(w);
	for (i = 0; i < l->n; i++)
		if (sets[i].why == NULL)
			settle(&sets[i], &w->claims[i], &l->at[i]);
}

struct alias_set *
aliases_make(const struct machines *l, bool bare)
{
	size_t i, size = (l->n + 1) * sizeof(struct alias_set);
	struct alias_set *sets;
	struct work w = { .nall = 0 };

	for (i = 0; i < l->n; i++)
		size += room(&l->at[i]);
	sets = malloc(size);
	w.claims = calloc(l->n + 1, sizeof(*w.claims));
	w.all = calloc(l->n + 1, NFORMS * sizeof(*w.all));
	if (sets == NULL || w.claims == NULL || w.all == NULL) {
		free(sets);
		sets = NULL;
	} else {
		memset(sets, 0, l->n * sizeof(*sets));
		w.at = (char *)(sets + l->n);
		make(&w, l, bare, sets);
	}
	free(w.claims);
	free(w.all);
	return (sets);
}

void
alias_key(const char *id, char out[ALIAS_KEY_MAX + 1])
{
	char lower[ARC_ID_MAX + 1], hex[SHA256_HEX + 1];

	(void)snprintf(lower, sizeof(lower), "%s", id);
	text_lower(lower);
	crypto_sha256_hex(lower, strlen(lower), hex);
	(void)snprintf(out, ALIAS_KEY_MAX + 1, "arc-%.16s", hex);
}
