/*
 * A query of Azure Resource Graph over its pages, see graph.h.
 */
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "auth/arm.h"
#include "auth/bearer.h"
#include "auth/cache.h"
#include "auth/graph.h"
#include "auth/http.h"
#include "auth/identity.h"
#include "auth/json.h"
#include "auth/machines.h"
#include "auth/names.h"
#include "auth/patience.h"
#include "auth/selection.h"
#include "relay/clock.h"
#include "relay/crypto.h"
#include "relay/err.h"
#include "relay/log.h"
#include "relay/secret.h"

#define API	"/providers/Microsoft.ResourceGraph/resources" \
		"?api-version=2022-10-01"
#define TOP	1000	/* rows of a page, the most that Azure gives */
#define WAIT_MS	1000	/* for a throttle that does not say how long */

struct query {
	const struct graph_request *r;
	struct machines		*out;
	struct secret		 text;		/* of the query */
	struct secret		 skip;		/* to the next page; empty: the first */
	unsigned		 pages;		/* so far */
	size_t			 rows;
	size_t			 total;		/* as the first page said */
	size_t			 total_now;	/* as the last one did */
	int64_t			 waited_ms;
	uint8_t			 seen[GRAPH_PAGES_MAX][SHA256_BYTES];	/* $skipTokens */
};

static int
no_memory(struct err *e)
{
	return (err_set(e, EX_OSERR, "", "out of memory"));
}

static int
request_body(const struct query *q, struct secret *out, struct err *e)
{
	struct js *j = js_object();
	int rc = -1;

	if (js_set_string(j, "query", q->text.data) == -1)
		err_set(e, EX_USAGE, "", "the selection is not UTF-8");
	else if (js_set_string(j, "options.resultFormat", "objectArray") == -1 ||
	    js_set_integer(j, "options.$top", TOP) == -1 ||
	    (q->skip.len > 0 && js_set_string(j, "options.$skipToken",
	    q->skip.data) == -1) || js_dump(j, out) == -1)
		no_memory(e);
	else
		rc = 0;
	js_free(j);
	return (rc);
}

/* Sleeps, if all waits together have not been too long.  Returns 0 or -1. */
static int
wait_for(struct query *q, int64_t ms)
{
	if (q->waited_ms + ms > GRAPH_PATIENCE_MS || patience_ms(ms) < ms)
		return (-1);
	q->waited_ms += ms;
	log_verbose("Resource Graph throttles: on in %lld ms", (long long)ms);
	(void)poll(NULL, 0, (int)ms);
	return (0);
}

/* After a 429; what http_call has waited since began_ms counts, too. */
static bool
wait_longer(struct query *q, const struct http_reply *reply, int64_t began_ms)
{
	q->waited_ms += clock_ms() - began_ms;
	return (reply->retry_after_ms != HTTP_WAIT_UNREADABLE &&
	    wait_for(q, reply->retry_after_ms > 0 ? reply->retry_after_ms :
	    WAIT_MS) == 0);
}

/* A query of the user's that Azure does not understand is his to mend. */
static int
explain(const struct query *q, const struct http_reply *reply,
    const struct arm_refusal *why, struct err *e)
{
	const char *query = q->r->selection->query;
	char text[GRAPH_WHY_MAX];
	int64_t lines = 1;

	if (why->status != 400 || query == NULL)
		return (-1);
	for (; (query = strchr(query, '\n')) != NULL; query++)
		lines++;
	graph_why(reply->body.data != NULL ? reply->body.data : "",
	    reply->body.len, lines, text);
	err_set(e, EX_USAGE, "", "Azure does not take the --query: %s",
	    text[0] != '\0' ? text : why->message);
	return (err_fix(e, "it must be a condition, as in --query "
	    "\"location == 'westeurope'\""));
}

/* Gives the page, waiting as long as Azure throttles; or NULL. */
static struct js *
fetch(struct query *q, const struct secret *token, const char *body,
    struct http_reply *reply, char *claims, struct err *e)
{
	const struct arm_request request = { .method = "POST", .path = API,
	    .body = body, .body_max = GRAPH_PAGE_MAX };
	struct arm_refusal why;
	struct js *page;
	int64_t began_ms;

	do {
		began_ms = clock_ms();
		page = arm_page(q->r->cloud, token, &request, q->pages, reply,
		    &why, e);
		if (page != NULL)
			return (page);
	} while (why.status == 429 && wait_longer(q, reply, began_ms));
	(void)snprintf(claims, ARM_CLAIMS_MAX, "%s", why.claims);
	explain(q, reply, &why, e);
	return (NULL);
}

/* The next page must be one that was not asked for. */
static int
go_on(struct query *q, const char *skip, struct err *e)
{
	uint8_t *mine = q->seen[q->pages - 1];
	unsigned i;

	if (q->pages == GRAPH_PAGES_MAX)
		return (err_set(e, EX_PROTOCOL, "E412", "Azure's list does not "
		    "end after %d pages", GRAPH_PAGES_MAX));
	crypto_sha256(skip, strlen(skip), mine);
	for (i = 0; i < q->pages - 1; i++)
		if (memcmp(q->seen[i], mine, SHA256_BYTES) == 0)
			return (arm_bad_page(q->pages, "leads back to one "
			    "before it", e));
	if (secret_set(&q->skip, skip, strlen(skip)) == -1)
		return (no_memory(e));
	return (0);
}

/*
 * Fewer rows than Azure counted are not the whole, unless machines came or went
 * meanwhile.
 */
static int
check_whole(const struct query *q, struct err *e)
{
	if (q->rows >= q->total_now || q->total != q->total_now)
		return (0);
	return (err_set(e, EX_PROTOCOL, "E412", "Azure's list has %zu of %zu "
	    "machines and ends", q->rows, q->total_now));
}

/* Takes what the page says, and frees it. */
static int
take(struct query *q, struct js *page, struct err *e)
{
	struct graph_page p;
	const char *what;
	int rc;

	if (graph_page_read(page, &p, q->out, &what) == -1)
		rc = arm_bad_page(q->pages, what, e);
	else {
		q->rows += p.rows;
		q->total_now = p.total;
		if (q->pages == 1)
			q->total = p.total;
		if (p.next != NULL)
			rc = go_on(q, p.next, e);
		else {
			secret_free(&q->skip);
			rc = check_whole(q, e);
		}
	}
	js_free(page);
	return (rc);
}

/* When nothing is left of the quota, it is better to wait than to be refused. */
static void
spare_the_quota(struct query *q, const struct http_reply *reply)
{
	char left[8];
	int64_t ms = http_resets_after_ms(reply);

	if (ms > 0 && http_header(reply, "x-ms-user-quota-remaining", left,
	    sizeof(left)) && strcmp(left, "0") == 0)
		(void)wait_for(q, ms);
}

static int
one_page(void *arg, const struct secret *token, char *claims, struct err *e)
{
	struct query *q = arg;
	struct http_reply reply = HTTP_REPLY_INIT;
	struct secret body = SECRET_INIT;
	struct js *page;
	int rc = -1;

	q->pages++;
	if (request_body(q, &body, e) == 0) {
		page = fetch(q, token, body.data, &reply, claims, e);
		if (page != NULL)
			rc = take(q, page, e);
		else
			q->pages--;	/* asked for again with another token */
	}
	if (rc == 0 && q->skip.len > 0) {
		if (q->r->progress != NULL)
			q->r->progress(q->r->arg, q->rows, q->total_now);
		spare_the_quota(q, &reply);
	}
	secret_free(&body);
	http_reply_free(&reply);
	return (rc);
}

static bool
has(const void *selection, const struct machine *m)
{
	return (selection_has(selection, m));
}

static int
ask(const struct graph_request *r, struct bearer *b, struct machines *out,
    struct err *e)
{
	struct query q = { .r = r, .out = out };
	int rc = selection_query(r->selection, &q.text, e);

	while (rc == 0) {
		rc = bearer_call(b, one_page, &q, e);
		if (q.skip.len == 0)
			break;
	}
	log_verbose("Resource Graph: %zu rows, pages: %u", q.rows,
	    q.pages);
	secret_free(&q.text);
	secret_free(&q.skip);
	return (rc);
}

int
graph_machines(const struct graph_request *r, struct machines *out,
    struct err *e)
{
	char identity[SHA256_HEX + 1];
	struct bearer b = { .cloud = r->cloud, .credential = r->credential,
	    .identity = identity };
	struct cache c;
	int rc;

	if (cache_is_wanted(r->no_cache)) {
		identity_hash(r->cloud, r->credential, NULL, identity);
		cache_open(&c);
		cache_warn(&c);
		b.cache = &c;
	}
	if ((rc = ask(r, &b, out, e)) == 0) {
		machines_sort(out);
		machines_merge(out);
		if (b.cache != NULL && selection_asks_all(r->selection))
			names_keep(&c, identity, out);
		machines_filter(out, has, r->selection);
	}
	bearer_free(&b);
	if (b.cache != NULL)
		cache_close(&c);
	return (rc);
}
