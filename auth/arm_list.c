/*
 * Lists of Azure Resource Manager, see arm_list and arm_page in arm.h.
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
	int			(*on_item)(const struct js *, void *,
				    struct err *);
	void			*arg;
	struct secret		 path;		/* of the next page; empty: none */
	unsigned		 pages;		/* so far */
	uint8_t			 seen[ARM_PAGES_MAX][SHA256_BYTES];	/* their paths */
};

int
arm_bad_page(unsigned n, const char *what, struct err *e)
{
	return (err_set(e, EX_PROTOCOL, "E412", "page %u of Azure's list cannot "
	    "be used: it %s", n, what));
}

static int
bad_page(const struct list *l, const char *what, struct err *e)
{
	return (arm_bad_page(l->pages, what, e));
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

/*
 * A NUL is in no name of Azure's, and would end one for us, who would take it for
 * another: it becomes U+FFFD, which is in no name either.
 */
static void
replace_nuls(char *text)
{
	for (; (text = strchr(text, '\\')) != NULL && text[1] != '\0'; text += 2)
		if (strncmp(text, "\\u0000", 6) == 0)
			memcpy(text, "\\ufffd", 6);
}

struct js *
arm_page(const struct cloud *c, const struct secret *token,
    const struct arm_request *q, unsigned n, struct http_reply *reply,
    struct arm_refusal *why, struct err *e)
{
	char what[JS_WHY_MAX];
	struct js *j;

	if (arm_call(c, token, q, reply, why, e) == -1)
		return (NULL);
	if (reply->body.data != NULL)
		replace_nuls(reply->body.data);
	if (reply->body.len == 0)
		arm_bad_page(n, "is empty", e);
	else if (has_too_many_values(reply->body.data))
		arm_bad_page(n, "holds too many values", e);
	else if ((j = js_parse(reply->body.data, reply->body.len,
	    what)) == NULL)
		arm_bad_page(n, what, e);
	else {
		secret_free(&reply->body);
		return (j);
	}
	return (NULL);
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
	struct list l = { .cloud = c, .on_item = on_item,
	    .arg = arg };
	struct http_reply reply = HTTP_REPLY_INIT;
	struct arm_request q = { .method = "GET", .body_max = ARM_PAGE_MAX };
	struct js *page;
	int rc = 0;

	*why = (struct arm_refusal){ .status = 0 };
	if (secret_set(&l.path, path, strlen(path)) == -1)
		rc = err_set(e, EX_OSERR, "", "out of memory");
	while (rc == 0 && l.path.len > 0) {
		if ((rc = count_page(&l, e)) == -1)
			break;
		q.path = l.path.data;
		page = arm_page(c, token, &q, l.pages, &reply, why, e);
		if (page == NULL || hand_over(&l, page, e) == -1 ||
		    find_next(&l, page, e) == -1)
			rc = -1;
		js_free(page);
	}
	http_reply_free(&reply);
	secret_free(&l.path);
	return (rc);
}
