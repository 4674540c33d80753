/*
 * A selection as a query and as a judge of names and tags, see selection.h.
 *
 * The query language compares names of tags with their case, and Azure does not:
 * it is only asked for machines that have the words somewhere in their tags.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "auth/machines.h"
#include "auth/selection.h"
#include "auth/text.h"
#include "relay/err.h"
#include "relay/secret.h"

#define QUERY_MAX	(64 * 1024)	/* bytes; Azure's own limit is not told */

/* What a tag's JSON has as it is: everything else might be escaped there. */
#define PLAIN		" -_.:@"

#define SERVER		"'microsoft.hybridcompute/machines'"

/* Arc servers say it in other members than the machines of the other kinds. */
#define EITHER(server, other)						\
	"iff(type =~ " SERVER ", tostring(properties." server "), "	\
	"tostring(properties." other "))"

static const char kinds[] =
    "resources | where type in~ (" SERVER ", "
    "'microsoft.connectedvmwarevsphere/virtualmachines', "
    "'microsoft.scvmm/virtualmachines', "
    "'microsoft.azurestackhci/virtualmachines')";

static const char columns[] =
    " | join kind=leftouter (resourcecontainers"
    " | where type =~ 'microsoft.resources/subscriptions'"
    " | project subscriptionId, subscriptionName=name) on subscriptionId"
    " | extend os=tolower(" EITHER("osName", "osProfile.osType") "), "
    "agent=" EITHER("agentVersion", "guestAgentProfile.agentVersion") ", "
    "status=" EITHER("status", "guestAgentProfile.status");

static const char end[] =
    " | project id, name, resourceGroup, subscriptionId, subscriptionName, "
    "type, kind, location, os, agent, status, tags"
    " | order by id asc";

bool
selection_is_all(const struct selection *s)
{
	return (s->nnames == 0 && selection_asks_all(s));
}

bool
selection_is_glob(const char *name)
{
	return (strpbrk(name, "*?") != NULL);
}

static bool
has_glob(const struct selection *s)
{
	size_t i;

	for (i = 0; i < s->nnames; i++)
		if (selection_is_glob(s->names[i]))
			return (true);
	return (false);
}

bool
selection_asks_all(const struct selection *s)
{
	return ((s->nnames == 0 || has_glob(s)) && s->group == NULL &&
	    s->subscription == NULL && s->ntags == 0 && s->status == NULL &&
	    s->query == NULL);
}

static int
put(struct secret *q, const char *text)
{
	return (text_append(q, text, strlen(text), QUERY_MAX));
}

/* As a literal. */
static int
put_quoted(struct secret *q, const char *text)
{
	size_t n;

	if (put(q, "'") == -1)
		return (-1);
	while (*text != '\0') {
		n = strcspn(text, "'\\");
		if (text_append(q, text, n, QUERY_MAX) == -1)
			return (-1);
		text += n;
		if (*text != '\0' && (put(q, "\\") == -1 ||
		    text_append(q, text++, 1, QUERY_MAX) == -1))
			return (-1);
	}
	return (put(q, "'"));
}

static int
put_condition(struct secret *q, const char *before, const char *text,
    const char *after)
{
	if (text == NULL)
		return (0);
	return (put(q, before) == 0 && put_quoted(q, text) == 0 &&
	    put(q, after) == 0 ? 0 : -1);
}

static int
put_names(struct secret *q, const struct selection *s)
{
	size_t i;

	if (s->nnames == 0 || has_glob(s))
		return (0);
	for (i = 0; i < s->nnames; i++)
		if (put_condition(q, i == 0 ? " and name in~ (" : ", ",
		    s->names[i], "") == -1)
			return (-1);
	return (put(q, ")"));
}

static int
put_tag(struct secret *q, const char *tag)
{
	size_t n = strcspn(tag, "=");
	const char *value = tag[n] == '=' ? tag + n + 1 : "";
	struct secret name = SECRET_INIT;
	int rc = -1;

	if (text_append(&name, tag, n, QUERY_MAX) == 0)
		rc = put_condition(q, " and tostring(tags) contains ",
		    text_only(name.data, PLAIN) ? name.data : NULL, "");
	if (rc == 0 && value[0] != '\0' && text_only(value, PLAIN))
		rc = put_condition(q, " and tostring(tags) contains ", value,
		    "");
	secret_free(&name);
	return (rc);
}

static int
put_tags(struct secret *q, const struct selection *s)
{
	size_t i;

	for (i = 0; i < s->ntags; i++)
		if (put_tag(q, s->tags[i]) == -1)
			return (-1);
	return (0);
}

/* A comment at the end of it ends with its line. */
static int
put_query(struct secret *q, const char *query)
{
	if (query == NULL)
		return (0);
	return (put(q, " | where (\n") == 0 && put(q, query) == 0 &&
	    put(q, "\n)") == 0 ? 0 : -1);
}

/* No name in Azure has any, and nobody types one. */
static int
check(const char *what, const char *text, struct err *e)
{
	const char *p;

	if (text == NULL)
		return (0);
	for (p = text; *p != '\0'; p++)
		if (iscntrl((unsigned char)*p))
			return (err_set(e, EX_USAGE, "", "%s has a control "
			    "character in it", what));
	return (p > text ? 0 : err_set(e, EX_USAGE, "", "%s is empty", what));
}

static int
check_all(const struct selection *s, struct err *e)
{
	size_t i;

	for (i = 0; i < s->nnames; i++)
		if (check("a NAME", s->names[i], e) == -1)
			return (-1);
	for (i = 0; i < s->ntags; i++) {
		if (check("a tag", s->tags[i], e) == -1)
			return (-1);
		if (s->tags[i][0] == '=')
			return (err_set(e, EX_USAGE, "", "--tag needs "
			    "NAME=VALUE or NAME, not \"%.60s\"", s->tags[i]));
	}
	if (check("--group", s->group, e) == -1 ||
	    check("--subscription", s->subscription, e) == -1 ||
	    check("--status", s->status, e) == -1)
		return (-1);
	if (s->query != NULL && s->query[strspn(s->query, " \t\r\n")] == '\0')
		return (err_set(e, EX_USAGE, "", "--query is empty"));
	return (0);
}

int
selection_query(const struct selection *s, struct secret *out, struct err *e)
{
	secret_free(out);
	if (check_all(s, e) == -1)
		return (-1);
	if (put(out, kinds) == -1 || put_names(out, s) == -1 ||
	    put_condition(out, " and resourceGroup =~ ", s->group, "") == -1 ||
	    put_tags(out, s) == -1 || put(out, columns) == -1 ||
	    put_condition(out, " | where subscriptionId =~ ", s->subscription,
	    "") == -1 || put_condition(out, " or subscriptionName =~ ",
	    s->subscription, "") == -1 ||
	    put_condition(out, " | where status =~ ", s->status, "") == -1 ||
	    put_query(out, s->query) == -1 || put(out, end) == -1) {
		secret_free(out);
		return (err_set(e, EX_USAGE, "", "the selection is too long"));
	}
	return (0);
}

/* In linear time for each star, whatever somebody called his machine. */
static bool
glob(const char *pattern, const char *name)
{
	const char *star = NULL, *from = NULL;

	while (*name != '\0') {
		if (*pattern == '*') {
			star = ++pattern;
			from = name;
		} else if (*pattern != '\0' && (*pattern == '?' ||
		    strncasecmp(pattern, name, 1) == 0)) {
			pattern++;
			name++;
		} else if (star != NULL) {
			pattern = star;
			name = ++from;
		} else
			return (false);
	}
	return (pattern[strspn(pattern, "*")] == '\0');
}

static bool
has_tag(const struct machine *m, const char *tag)
{
	size_t i, n = strcspn(tag, "=");

	for (i = 0; i < m->ntags; i++)
		if (strlen(m->tags[i].name) == n &&
		    strncasecmp(m->tags[i].name, tag, n) == 0)
			return (tag[n] == '\0' ||
			    strcasecmp(m->tags[i].value, tag + n + 1) == 0);
	return (false);
}

bool
selection_has(const struct selection *s, const struct machine *m)
{
	bool has = s->nnames == 0;
	size_t i;

	for (i = 0; i < s->nnames && !has; i++)
		has = glob(s->names[i], m->name);
	for (i = 0; i < s->ntags && has; i++)
		has = has_tag(m, s->tags[i]);
	return (has);
}
