/*
 * Lists of Azure Resource Manager, see arm_list in arm.h.
 *
 * Measured with jansson 2.14 on our heap: a page of machines fills 11 times the
 * memory of its text, [{},{},..] 100 times.  What costs is the number of values;
 * with at most VALUES_MAX of them a page fills 100 MiB at the very worst.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "auth/arm.h"
#include "auth/http.h"
#include "auth/json.h"
#include "relay/crypto.h"
#include "relay/err.h"

#define VALUES_MAX	(512 * 1024)	/* 300,000 in 4 MiB of machines */

struct list {
	const struct cloud	*cloud;
	const struct secret	*token;
	int			(*on_item)(const struct js *, void *,
				    struct err *);
	void			*arg;
	struct secret		 path;		/* of the next page; empty: none */
	unsigned		 pages;		/* so far */
	uint8_t			 seen[ARM_PAGES_MAX][SHA256_BYTES];	/* their paths */
};

static int
bad_page(const struct list *l, const char *what, struct err *e)
{
	return (err_set(e, EX_PROTOCOL, "E412", "page %u of Azure's list cannot "
	    "be used: it %s", l->pages, what));
}

/* More commas, colons and brackets than we want to have values. */
static bool
has_too_many_values(const char *text)
{
	size_t n;

	for (n = 0; (text = strpbrk(text, ",:[{")) != NULL; text++)
		if (++n > VALUES_MAX)
			return (true);
	return (false);
}

/* Counts the page, which must be a new one. */
static int
count_page(struct list *l, struct err *e)
{
	unsigned i;

	if (l->pages == ARM_PAGES_MAX)
		return (err_set(e, EX_PROTOCOL, "E412", "Azure's list does not "
		    "end after %d pages", ARM_PAGES_MAX));
	crypto_sha256(l->path.data, l->path.len, l->seen[l->pages]);
	for (i = 0; i < l->pages; i++)
		if (memcmp(l->seen[i], l->seen[l->pages], SHA256_BYTES) == 0)
			return (bad_page(l, "leads back to one before it", e));
	l->pages++;
	return (0);
}

/* Gives the page as a document; the text is gone by then. */
static struct js *
fetch(struct list *l, struct arm_refusal *why, struct err *e)
{
	const struct arm_request q = { .method = "GET", .path = l->path.data,
	    .body_max = ARM_PAGE_MAX };
	struct http_reply reply = HTTP_REPLY_INIT;
	char what[JS_WHY_MAX];
	struct js *j = NULL;

	if (arm_call(l->cloud, l->token, &q, &reply, why, e) == -1)
		goto out;
	if (reply.body.len == 0)
		bad_page(l, "is empty", e);
	else if (has_too_many_values(reply.body.data))
		bad_page(l, "holds too many values", e);
	else if ((j = js_parse(reply.body.data, reply.body.len, what)) == NULL)
		bad_page(l, what, e);
 out:
	http_reply_free(&reply);
	return (j);
}

static int
hand_over(const struct list *l, const struct js *page, struct err *e)
{
	const struct js *value = js_at(page, "value");
	size_t i, n = js_count(value);

	if (!js_is_array(value))
		return (bad_page(l, "has no array \"value\"", e));
	for (i = 0; i < n; i++)
		if (l->on_item(js_item(value, i), l->arg, e) == -1)
			return (-1);
	return (0);
}

/* Sets path to that of the next page, if there is one. */
static int
find_next(struct list *l, const struct js *page, struct err *e)
{
	const struct js *link = js_at(page, "nextLink");
	const char *url = js_string(page, "nextLink"), *path;

	secret_free(&l->path);
	if (link == NULL || js_is_null(link) || (url != NULL && *url == '\0'))
		return (0);
	if (url == NULL)
		return (bad_page(l, "has a nextLink that is no text", e));
	if ((path = arm_link_path(l->cloud, url)) == NULL)
		return (bad_page(l, "leads to another host", e));
	if (secret_set(&l->path, path, strlen(path)) == -1)
		return (err_set(e, EX_OSERR, "", "out of memory"));
	return (0);
}

int
arm_list(const struct cloud *c, const struct secret *token, const char *path,
    int (*on_item)(const struct js *, void *, struct err *), void *arg,
    struct arm_refusal *why, struct err *e)
{
	struct list l = { .cloud = c, .token = token, .on_item = on_item,
	    .arg = arg };
	struct js *page;
	int rc = 0;

	*why = (struct arm_refusal){ .status = 0 };
	if (secret_set(&l.path, path, strlen(path)) == -1)
		rc = err_set(e, EX_OSERR, "", "out of memory");
	while (rc == 0 && l.path.len > 0) {
		if ((rc = count_page(&l, e)) == -1)
			break;
		page = fetch(&l, why, e);
		if (page == NULL || hand_over(&l, page, e) == -1 ||
		    find_next(&l, page, e) == -1)
			rc = -1;
		js_free(page);
	}
	secret_free(&l.path);
	return (rc);
}
