/*
 * What somebody pastes, to be explained: the causes that are found are rows, each
 * once, in lines that there are; what comes of others is after them; and with a
 * line of ours at the end, its cause is among them.
 */
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/explain.h"

#define OURS	"\narc-relay-proxy: web01: x. fix: y [E505]\n"

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static size_t
count_lines(const char *text, size_t len)
{
	size_t n = 1;

	for (; len > 0; len--)
		n += *text++ == '\n';
	return (n);
}

/* How many causes; found: is E505 among them? */
static size_t
look(char *text, size_t len, size_t lines, bool *found)
{
	struct explain_hit hit[EXPLAIN_MAX];
	size_t n = explain_text(text, len, hit), i, k;

	assert(n <= explain_rows);
	*found = false;
	for (i = 0; i < n; i++) {
		assert(explain_find(hit[i].row->id) == hit[i].row);
		assert(hit[i].line >= 1 && hit[i].line <= lines);
		for (k = 0; k < i; k++)
			assert(hit[k].row != hit[i].row);
		*found |= strcmp(hit[i].row->id, "E505") == 0;
	}
	return (n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t len)
{
	char *text = malloc(len + sizeof(OURS));	/* so that ASan sees its end */
	size_t lines, n;
	bool found;

	memcpy(text, in, len);
	lines = count_lines(text, len);
	n = look(text, len, lines, &found);
	free(text);

	text = malloc(len + strlen(OURS));
	memcpy(text, in, len);
	memcpy(text + len, OURS, strlen(OURS));
	assert(look(text, len + strlen(OURS), lines + 2, &found) >= (n > 0));
	free(text);
	return (0);
}
