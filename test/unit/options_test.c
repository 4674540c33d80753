/*
 * Goal: options that may be repeated keep all their arguments, in their order,
 * and those that are not in --help work like the others.
 */
#include <stdlib.h>
#include <string.h>

#include "proxy/cmd_options.h"
#include "proxy/options.h"
#include "relay/err.h"
#include "test/unit/tap.h"

enum { O_TAG = CMD_NROWS, O_OTHER, O_ONE };
static const struct option_row table[] = {
	CMD_ROWS_HIDDEN,
	{ 't', "tag", "X", "as often as you like", 1 },
	{ 0, "other", "X", "too", 1 },
	{ 0, "one", "X", "once", 0 },
	CMD_LAST_ROWS
};

static struct options o;
static struct err e;

static int
parse(int argc, const char *const *words)
{
	static char *argv[2 * OPTIONS_MANY + 10];
	int i;

	for (i = 0; i < argc; i++)
		argv[i] = (char *)(uintptr_t)words[i];
	argv[argc] = NULL;
	e = (struct err)ERR_INIT;
	return (options_parse(table, argc, argv, &o, &e));
}

static void
test_many(void)
{
	static const char *const words[] = { "x", "--tag", "a", "name",
	    "--other=b", "-tc", "-v", "--tag", "", "-v" };
	const char *all[OPTIONS_MANY];

	ok(parse(10, words) == 0 && options_all(&o, O_TAG, all) == 3 &&
	    strcmp(all[0], "a") == 0 && strcmp(all[1], "c") == 0 &&
	    strcmp(all[2], "") == 0, "all of one, in their order");
	ok(o.value[O_TAG] != NULL && strcmp(o.value[O_TAG], "") == 0 &&
	    o.count[O_TAG] == 3, "the last one is its value");
	ok(options_all(&o, O_OTHER, all) == 1 && strcmp(all[0], "b") == 0,
	    "and of another");
	ok(options_all(&o, O_ONE, all) == 0, "none of one that was not given");
	ok(o.nrest == 1 && strcmp(o.rest[0], "name") == 0, "and what is none");
}

static void
test_too_many(void)
{
	const char *words[2 * OPTIONS_MANY + 3] = { "x" };
	const char *all[OPTIONS_MANY];
	static const char *const twice[] = { "x", "--one", "a", "--one", "b" };
	int i;

	for (i = 0; i <= OPTIONS_MANY; i++) {
		words[1 + 2 * i] = i % 2 ? "--other" : "--tag";
		words[2 + 2 * i] = "v";
	}
	ok(parse(1 + 2 * OPTIONS_MANY, words) == 0 &&
	    options_all(&o, O_TAG, all) == OPTIONS_MANY / 2, "as many as fit");
	ok(parse(3 + 2 * OPTIONS_MANY, words) == -1 && e.status == EX_USAGE &&
	    strstr(e.cause, "--tag") != NULL, "one more: %s", e.cause);
	ok(parse(5, twice) == -1 && strstr(e.cause, "--one") != NULL,
	    "not all may be repeated: %s", e.cause);
}

static void
test_hidden(void)
{
	static const char *const words[] = { "x", "--cloud-file", "f",
	    "--proxy", "none" };
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	ok(parse(5, words) == 0 && strcmp(o.value[CMD_CLOUD_FILE], "f") == 0 &&
	    strcmp(o.value[CMD_PROXY], "none") == 0, "they work");
	options_help(table, out);
	(void)fclose(out);
	ok(strstr(text, "--tag") != NULL && strstr(text, "--cloud") == NULL &&
	    strstr(text, "--proxy") == NULL, "and are not in --help");
	free(text);
}

int
main(void)
{
	test_many();
	test_too_many();
	test_hidden();
	return (done_testing());
}
