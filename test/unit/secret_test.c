/*
 * Goal: secrets are wiped when they are given back, lie in pages that are
 * locked, not dumped and not inherited, and are masked where a peer repeats them.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "relay/locked.h"
#include "relay/secret.h"
#include "test/unit/tap.h"

#define BLOCKS	2000

static void
masks(void)
{
	static const struct { const char *text, *secret, *want; } rows[] = {
		{ "the secret is s3cr3t-value.", "s3cr3t-value",
		    "the secret is ************." },
		{ "s3cr3t-value", "s3cr3t-value", "************" },
		{ "s3cr3t-value s3cr3t-value!", "s3cr3t-value",
		    "************ ************!" },
		{ "it begins with s3cr3t-val", "s3cr3t-value",
		    "it begins with **********" },
		{ "it ends with 3t-value", "s3cr3t-value",
		    "it ends with ********" },
		{ "seven: cr3t-va", "s3cr3t-value", "seven: cr3t-va" },
		{ "a short one: abcd.", "abcd", "a short one: ****." },
		{ "nearly: abc", "abcd", "nearly: abc" },
		{ "the", "the", "the" },
		{ "", "s3cr3t-value", "" },
		{ "nothing", "", "nothing" },
		{ "{\"a\":\"x\\u002by\\/z\\\\\\\"012345\"}", "x+y/z\\\"012345",
		    "{\"a\":\"*********************\"}" },
		{ "\\u002", "\\u002bcdefg", "\\u002" },
		{ "\\", "abcdefgh\\", "\\" },
		{ "aaaaaaaaab", "aaaaaaaa", "********ab" },
	};
	char text[100];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)snprintf(text, sizeof(text), "%s", rows[i].text);
		secret_mask(text, strlen(text), rows[i].secret,
		    strlen(rows[i].secret));
		ok(strcmp(text, rows[i].want) == 0, "\"%s\": \"%s\"",
		    rows[i].text, text);
	}
	secret_mask(NULL, 0, NULL, 0);
}

static bool
is_byte(const unsigned char *p, size_t len, unsigned char byte)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (p[i] != byte)
			return (false);
	return (true);
}

/* Many blocks of all sizes, in a wild order: none may touch another. */
static void
blocks(void)
{
	static struct { unsigned char *p; size_t len; unsigned char byte; }
	    b[BLOCKS];
	unsigned seed = 1;
	size_t i, k, bad = 0, unaligned = 0;

	for (k = 0; k < 20 * BLOCKS; k++) {
		seed = seed * 1103515245 + 12345;
		i = (seed >> 8) % BLOCKS;
		if (b[i].p != NULL)
			bad += !is_byte(b[i].p, b[i].len, b[i].byte);
		seed = seed * 1103515245 + 12345;
		if (b[i].p != NULL && seed % 3 == 0) {
			secret_mfree(b[i].p);
			b[i].p = NULL;
			continue;
		}
		if (b[i].p != NULL) {
			size_t had = b[i].len;

			b[i].len = (seed >> 4) % ((k % 50 == 0) ? 100000 : 300);
			b[i].p = secret_realloc(b[i].p, b[i].len);
			bad += !is_byte(b[i].p, had < b[i].len ? had : b[i].len,
			    b[i].byte);
		} else {
			b[i].len = (seed >> 4) % 300;
			b[i].p = secret_malloc(b[i].len);
		}
		unaligned += (uintptr_t)b[i].p % _Alignof(max_align_t) != 0;
		b[i].byte = (unsigned char)seed;
		memset(b[i].p, b[i].byte, b[i].len);
	}
	for (i = 0; i < BLOCKS; i++) {
		if (b[i].p != NULL)
			bad += !is_byte(b[i].p, b[i].len, b[i].byte);
		secret_mfree(b[i].p);
	}
	ok(bad == 0 && unaligned == 0, "%d blocks, each its own", BLOCKS);
	secret_mfree(NULL);
}

/* VmFlags of the mapping that p is in, from /proc/self/smaps. */
static void
flags_of(const void *p, char *out, size_t size)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	unsigned long from, to;
	bool here = false;
	char line[512];

	out[0] = '\0';
	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			here = from <= (uintptr_t)p && (uintptr_t)p < to;
		else if (here && strncmp(line, "VmFlags:", 8) == 0)
			(void)snprintf(out, size, "%s", line + 8);
	}
	if (f != NULL)
		(void)fclose(f);
}

/* With no right to lock a page: 200 blocks in a child. */
static bool
works_unlocked(void)
{
	struct rlimit none = { 0, 0 };
	int i, bad = 0, status = -1;
	void *p[200];
	pid_t pid = fork();

	if (pid == 0) {
		if (setrlimit(RLIMIT_MEMLOCK, &none) == -1 ||
		    (geteuid() == 0 && seteuid(1) == -1))
			_exit(2);
		for (i = 0; i < 200; i++)
			bad += (p[i] = secret_malloc(60000)) == NULL;
		for (i = 0; i < 200; i++)
			secret_mfree(p[i]);
		_exit(bad > 0);
	}
	return (pid != -1 && waitpid(pid, &status, 0) == pid && status == 0);
}

static void
pages(const struct secret *s)
{
	size_t locked, unlocked;
	char flags[512];
	int status = -1;
	pid_t pid;

	flags_of(s->data, flags, sizeof(flags));
	locked_count(&locked, &unlocked);
	/* lo: locked; dd: not dumped; wf: wiped on fork */
	ok(locked_has(s->data) && strstr(flags, " dd") != NULL,
	    "a secret lies in pages that are not dumped");
	ok((strstr(flags, " lo") != NULL) == (locked > 0) &&
	    locked + unlocked > 0, "and locked: %zu bytes, %zu not", locked,
	    unlocked);
	if ((pid = fork()) == -1)
		abort();
	if (pid == 0)
		_exit(is_byte((unsigned char *)s->data, s->len, 0) ? 0 : 1);
	(void)waitpid(pid, &status, 0);
	ok(strstr(flags, " wf") == NULL || status == 0,
	    "a forked child does not have it");
	ok(works_unlocked(), "no page may be locked: it works all the same");
}

static void
wiped(struct secret *s)
{
	unsigned char *old = (unsigned char *)s->data;
	size_t len = s->len;

	secret_free(s);
	ok(s->data == NULL && s->len == 0 && is_byte(old, len, 0),
	    "given back, it is wiped");
}

static void
moves(void)
{
	struct secret from = SECRET_INIT, to = SECRET_INIT;
	const char *data;

	if (secret_set(&from, "new", 3) == -1 || secret_set(&to, "old", 3) == -1)
		abort();
	data = from.data;
	secret_move(&to, &from);
	ok(to.data == data && to.len == 3 && from.data == NULL && from.len == 0,
	    "moved without a copy, and the former owner has none");
	secret_free(&to);
}

int
main(void)
{
	struct secret s = SECRET_INIT;

	moves();
	masks();
	if (secret_set(&s, "s3cr3t-value", 12) == -1)
		abort();
	if (locked_has(s.data)) {	/* not with a sanitizer */
		pages(&s);
		wiped(&s);
	}
	secret_free(&s);
	blocks();
	return (done_testing());
}
