/*
 * What Azure Resource Graph may answer, and what a command line may ask it.  The
 * first byte chooses: a page, a refusal of a query, a word that is quoted in a
 * query, or a glob.
 * Whatever it is: machines have all their strings, one is listed once, what is
 * shown is bounded, a word stays a word, and a glob is as in the textbook.
 */
#include <assert.h>
#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "auth/graph.h"
#include "auth/json.h"
#include "auth/machines.h"
#include "auth/selection.h"
#include "relay/err.h"
#include "relay/secret.h"

static void
must_be_whole(const struct machines *l)
{
	size_t i, k;

	for (i = 0; i < l->n; i++) {
		const struct machine *m = &l->at[i];

		assert(m->id[0] != '\0' && m->name[0] != '\0');
		assert(m->group != NULL && m->subscription != NULL &&
		    m->subscription_name != NULL && m->type != NULL &&
		    m->kind != NULL && m->location != NULL && m->os != NULL &&
		    m->agent != NULL && m->status != NULL);
		for (k = 0; k < m->ntags; k++)
			assert(m->tags[k].name != NULL &&
			    m->tags[k].value != NULL);
	}
}

static void
read_page(const char *text, size_t len)
{
	struct machines l = MACHINES_INIT;
	struct graph_page p;
	const char *what = NULL;
	char why[JS_WHY_MAX];
	struct js *j = js_parse(text, len, why);
	size_t i;

	if (j == NULL)
		return;
	if (graph_page_read(j, &p, &l, &what) == 0) {
		assert(l.n == p.rows);
		assert(p.next == NULL || p.next[0] != '\0');
	} else
		assert(what != NULL);
	js_free(j);
	must_be_whole(&l);
	machines_sort(&l);
	machines_merge(&l);
	must_be_whole(&l);
	for (i = 1; i < l.n; i++)
		assert(strcasecmp(l.at[i - 1].id, l.at[i].id) != 0 ||
		    strcasecmp(l.at[i - 1].name, l.at[i].name) != 0 ||
		    strcasecmp(l.at[i - 1].group, l.at[i].group) != 0 ||
		    strcasecmp(l.at[i - 1].subscription,
		    l.at[i].subscription) != 0);
	machines_free(&l);
}

static void
refuse(const char *text, size_t len)
{
	char out[GRAPH_WHY_MAX];

	assert(graph_why(text, len, 1, out) == out);
	assert(strnlen(out, sizeof(out)) < sizeof(out));
}

/* The query language reads back what was put in. */
static void
quote(const char *text)
{
	const struct selection s = { .group = text };
	static const char before[] = " and resourceGroup =~ '";
	struct secret q = SECRET_INIT;
	struct err e = ERR_INIT;
	const char *p;

	if (selection_query(&s, &q, &e) == -1) {
		assert(e.status == EX_USAGE && q.data == NULL);
		return;
	}
	p = strstr(q.data, before);
	assert(p != NULL);
	for (p += strlen(before); *text != '\0'; text++, p++) {
		assert(!iscntrl((unsigned char)*text) && *p != '\'');
		if (*p == '\\')
			p++;
		assert(*p == *text);
	}
	assert(strncmp(p, "' | join ", 9) == 0);
	secret_free(&q);
}

static bool
textbook(const char *pattern, const char *name)
{
	if (*pattern == '\0')
		return (*name == '\0');
	if (*pattern == '*')
		return (textbook(pattern + 1, name) ||
		    (*name != '\0' && textbook(pattern, name + 1)));
	return (*name != '\0' && (*pattern == '?' ||
	    tolower((unsigned char)*pattern) ==
	    tolower((unsigned char)*name)) && textbook(pattern + 1, name + 1));
}

static void
match(char *text)
{
	char *name = strchr(text, '\n');
	struct machine m = { .name = name };
	const char *pattern = text;
	const struct selection s = { .names = &pattern, .nnames = 1 };

	if (name == NULL || name - text > 12 || strlen(name) > 12)
		return;		/* the textbook is slow */
	*name++ = '\0';
	m.name = name;
	assert(selection_has(&s, &m) == textbook(pattern, name));
}

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t len)
{
	char *text;

	if (len == 0 || (text = malloc(len)) == NULL)
		return (0);
	memcpy(text, in + 1, len - 1);
	text[len - 1] = '\0';
	switch (in[0] & 3) {
	case 0:
		read_page(text, len - 1);
		break;
	case 1:
		refuse(text, len - 1);
		break;
	case 2:
		quote(text);
		break;
	default:
		match(text);
	}
	free(text);
	return (0);
}
