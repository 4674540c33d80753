/*
 * Bytes that wipe themselves, see secret.h.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "relay/locked.h"
#include "relay/secret.h"

#define SECRET_RUN	8
#define SECRET_SHORT	4	/* less is no secret, and in every text */

/* In front of each block of secret_malloc; keeps the block aligned. */
union header {
	size_t		size;	/* bytes that the caller got */
	max_align_t	align;
};

void
secret_wipe(void *p, size_t len)
{
	if (len > 0)
		explicit_bzero(p, len);
}

/* One character of text, which may be escaped as in JSON.  Returns its bytes. */
static size_t
unescape(const char *text, size_t len, char *c)
{
	char hex[5] = "";

	*c = text[0];
	if (text[0] != '\\' || len < 2)
		return (1);
	if (strchr("\"\\/", text[1]) != NULL && text[1] != '\0') {
		*c = text[1];
		return (2);
	}
	if (text[1] != 'u' || len < 6)
		return (1);
	memcpy(hex, text + 2, 4);
	*c = (char)strtol(hex, NULL, 16);
	return (6);
}

/*
 * The longest run that text begins with and that is in the secret, in characters
 * and in bytes of text.
 */
static size_t
longest_run(const char *text, size_t len, const char *secret, size_t n,
    size_t *bytes)
{
	const char *p = secret, *end = secret + n;
	size_t longest = 0, run, at, step;
	char c;

	*bytes = 0;
	(void)unescape(text, len, &c);
	while (p < end && (p = memchr(p, c, (size_t)(end - p))) != NULL) {
		for (run = at = 0; at < len && p + run < end; run++) {
			step = unescape(text + at, len - at, &c);
			if (p[run] != c)
				break;
			at += step;
		}
		if (run > longest) {
			longest = run;
			*bytes = at;
		}
		(void)unescape(text, len, &c);
		p++;
	}
	return (longest);
}

void
secret_mask(char *text, size_t len, const char *secret, size_t n)
{
	size_t i, bytes, least = n < SECRET_RUN ? n : SECRET_RUN;

	if (n < SECRET_SHORT)
		return;
	for (i = 0; i < len; i += bytes > 0 ? bytes : 1) {
		if (longest_run(text + i, len - i, secret, n, &bytes) < least)
			bytes = 0;
		memset(text + i, '*', bytes);
	}
}

void *
secret_malloc(size_t size)
{
	union header *h;

	if (size > SIZE_MAX - sizeof(*h) ||
	    ((h = locked_alloc(sizeof(*h) + size)) == NULL &&
	    (h = malloc(sizeof(*h) + size)) == NULL))
		return (NULL);
	h->size = size;
	return (h + 1);
}

size_t
secret_size(const void *p)
{
	return (p != NULL ? ((const union header *)p - 1)->size : 0);
}

void
secret_mfree(void *p)
{
	union header *h;

	if (p == NULL)
		return;
	h = (union header *)p - 1;
	secret_wipe(p, h->size);
	if (locked_has(h))
		locked_free(h, sizeof(*h) + h->size);
	else
		free(h);
}

void *
secret_calloc(size_t n, size_t size)
{
	void *p;

	if (size != 0 && n > SIZE_MAX / size)
		return (NULL);
	if ((p = secret_malloc(n * size)) != NULL)
		memset(p, 0, n * size);
	return (p);
}

char *
secret_strdup(const char *s)
{
	size_t size = strlen(s) + 1;
	char *copy = secret_malloc(size);

	return (copy != NULL ? memcpy(copy, s, size) : NULL);
}

void *
secret_realloc(void *p, size_t size)
{
	void *bigger;
	size_t had;

	if (p == NULL)
		return (secret_malloc(size));
	had = secret_size(p);
	if ((bigger = secret_malloc(size)) == NULL)
		return (NULL);
	memcpy(bigger, p, had < size ? had : size);
	secret_mfree(p);
	return (bigger);
}

int
secret_set(struct secret *s, const void *data, size_t len)
{
	char *copy = NULL;

	if (len < SIZE_MAX && (copy = secret_malloc(len + 1)) != NULL) {
		if (len > 0)
			memcpy(copy, data, len);
		copy[len] = '\0';
	}
	secret_free(s);
	if (copy == NULL)
		return (-1);
	s->data = copy;
	s->len = len;
	return (0);
}

void
secret_move(struct secret *to, struct secret *from)
{
	secret_free(to);
	*to = *from;
	*from = (struct secret)SECRET_INIT;
}

bool
secret_same(const struct secret *a, const struct secret *b)
{
	return (a->len == b->len &&
	    (a->len == 0 || memcmp(a->data, b->data, a->len) == 0));
}

void
secret_free(struct secret *s)
{
	secret_mfree(s->data);
	*s = (struct secret)SECRET_INIT;
}
