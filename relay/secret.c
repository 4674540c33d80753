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

/* The longest run that text begins with and that is in the secret. */
static size_t
longest_run(const char *text, size_t len, const char *secret, size_t n)
{
	const char *p = secret, *end = secret + n;
	size_t longest = 0, run;

	while (p < end &&
	    (p = memchr(p, text[0], (size_t)(end - p))) != NULL) {
		for (run = 1; run < len && p + run < end &&
		    p[run] == text[run]; run++)
			;
		if (run > longest)
			longest = run;
		p++;
	}
	return (longest);
}

void
secret_mask(char *text, size_t len, const char *secret, size_t n)
{
	size_t i, run, least = n < SECRET_RUN ? n : SECRET_RUN;

	if (n < SECRET_SHORT)
		return;
	for (i = 0; i < len; i += run > 0 ? run : 1) {
		if ((run = longest_run(text + i, len - i, secret, n)) < least)
			run = 0;
		memset(text + i, '*', run);
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
secret_realloc(void *p, size_t size)
{
	void *bigger;
	size_t had;

	if (p == NULL)
		return (secret_malloc(size));
	had = ((union header *)p - 1)->size;
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
secret_free(struct secret *s)
{
	secret_mfree(s->data);
	*s = (struct secret)SECRET_INIT;
}
