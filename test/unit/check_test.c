/*
 * The engine of arc-relay doctor: checks run beside each other, take nobody along,
 * and a cause is told once.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/check.h"
#include "test/unit/tap.h"

#define TOLD_MAX	40

/* What was told, in its order. */
struct told {
	const char	*name;
	struct finding	 f;
	char		 machine[200];	/* what was known of it then */
};

static struct told told[TOLD_MAX];
static size_t ntold;
static char machine[200];
static int ping[2], pong[2];

static void
become(void *arg, const struct check *c, int fd)
{
	struct check_out out;

	(void)arg;
	check_out_to(&fd, &out);
	c->run(NULL, &out);
	_exit(0);
}

static void
on_found(void *arg, const struct check *c, const struct finding *f, long ms)
{
	(void)arg;
	(void)ms;
	if (ntold == TOLD_MAX)
		return;
	told[ntold].name = c->name;
	(void)snprintf(told[ntold].machine, sizeof(machine), "%s", machine);
	told[ntold++].f = *f;
}

static void
on_machine(void *arg, const char *id)
{
	(void)arg;
	(void)snprintf(machine, sizeof(machine), "%s", id);
}

static int
run(const struct check *table, size_t n, bool has_target, const bool *only)
{
	const struct checks c = { .table = table, .n = n,
	    .has_target = has_target, .only = only, .become = become,
	    .found = on_found, .machine = on_machine };
	struct err e = ERR_INIT;

	ntold = 0;
	machine[0] = '\0';
	return (checks_run(&c, &e));
}

/* The nth thing that was told. */
static bool
is(size_t i, const char *name, enum check_verdict verdict, const char *text)
{
	const char *says;

	if (i >= ntold)
		return (false);
	says = verdict == CHECK_FAILED || verdict == CHECK_WARNING ?
	    told[i].f.e.cause : told[i].f.what;
	if (strcmp(told[i].name, name) == 0 && told[i].f.verdict == verdict &&
	    strstr(says, text) != NULL)
		return (true);
	printf("# %zu: %s %d \"%s\" \"%s\"\n", i, told[i].name,
	    told[i].f.verdict, told[i].f.what, told[i].f.e.cause);
	return (false);
}

/* --- checks that play --- */

static void
good(const struct check_env *env, const struct check_out *out)
{
	(void)env;
	check_ok(out, "all is well");
}

static void
bad(const struct check_env *env, const struct check_out *out)
{
	struct err e = ERR_INIT;

	(void)env;
	err_set(&e, EX_NOPERM, "E401", "not allowed");
	err_fix(&e, "ask somebody");
	e.retry = RETRY_SERVICE;
	check_failed(out, &e, CURE_ENABLE);
}

static void
warning(const struct check_env *env, const struct check_out *out)
{
	struct err e = ERR_INIT;

	(void)env;
	err_set(&e, EX_CONFIG, "E107", "open");
	check_warned(out, &e, CURE_MODES);
}

/* Says what the other waits for, and waits for what the other says. */
static void
meet(int say, int hear, const struct check_out *out)
{
	char c = 'x';

	if (write(say, &c, 1) == 1 && read(hear, &c, 1) == 1)
		check_ok(out, "met");
}

static void
first_of_two(const struct check_env *env, const struct check_out *out)
{
	(void)env;
	meet(ping[1], pong[0], out);
}

static void
second_of_two(const struct check_env *env, const struct check_out *out)
{
	(void)env;
	meet(pong[1], ping[0], out);
}

static void
crash(const struct check_env *env, const struct check_out *out)
{
	(void)env;
	check_ok(out, "so far");
	(void)signal(SIGABRT, SIG_DFL);
	abort();
}

static void
hang(const struct check_env *env, const struct check_out *out)
{
	(void)env;
	check_ok(out, "begun");
	for (;;)
		(void)pause();
}

static void
exits(const struct check_env *env, const struct check_out *out)
{
	(void)env;
	check_ok(out, "so far");
	_exit(99);
}

static void
silent(const struct check_env *env, const struct check_out *out)
{
	(void)env;
	(void)out;
}

static void
talkative(const struct check_env *env, const struct check_out *out)
{
	int i;

	(void)env;
	for (i = 0; i < 5000; i++)
		check_ok(out, "number %d of many", i);
}

static void
hostile(const struct check_env *env, const struct check_out *out)
{
	static const char text[] = "garbage\n{\"verdict\": 99, \"cure\": 0, "
	    "\"status\": 0, \"retry\": 0}\n{\"verdict\": 0, \"cure\": 7777, "
	    "\"status\": 0, \"retry\": 0}\n[]\n{\"verdict\": 0, \"cure\": 0, "
	    "\"status\": 0, \"retry\": 0, \"what\": \"a\\u001b[31mb\"}\n"
	    "{\"verdict\": 0, \"cure\": 0, \"status";

	(void)env;
	if (write(*(const int *)out->arg, text, strlen(text)) == -1)
		_exit(1);
}

static void
finds(const struct check_env *env, const struct check_out *out)
{
	(void)env;
	out->machine(out->arg, "/subscriptions/x");
	check_ok(out, "found");
}

/* --- what must hold --- */

#define RUN(has_target, ...)	do {					\
	const struct check table[] = { __VA_ARGS__ };			\
	(void)run(table, sizeof(table) / sizeof(table[0]), has_target, NULL); \
} while (0)

static void
test_beside_each_other(void)
{
	if (pipe2(ping, O_CLOEXEC) == -1 || pipe2(pong, O_CLOEXEC) == -1)
		return;
	/* one after the other, the first would wait for ever */
	RUN(true, { "a", "one", 60, false, first_of_two, { NULL }, { NULL } },
	    { "a", "two", 60, false, second_of_two, { NULL }, { NULL } });
	ok(ntold == 2 && is(0, "one", CHECK_OK, "met") &&
	    is(1, "two", CHECK_OK, "met"),
	    "two that wait for each other meet");
}

static void
test_one_alone_suffers(void)
{
	RUN(true, { "a", "crash", 60, false, crash, { NULL }, { NULL } },
	    { "a", "hang", 1, false, hang, { NULL }, { NULL } },
	    { "a", "silent", 60, false, silent, { NULL }, { NULL } },
	    { "a", "good", 60, false, good, { NULL }, { NULL } },
	    { "a", "exits", 60, false, exits, { NULL }, { NULL } });
	ok(is(0, "crash", CHECK_OK, "so far") &&
	    is(1, "crash", CHECK_FAILED, "broke off: Aborted") &&
	    told[1].f.e.status == EX_SOFTWARE,
	    "a crash is told, after what was found before");
	ok(is(2, "hang", CHECK_OK, "begun") &&
	    is(3, "hang", CHECK_FAILED, "took longer than 1 s") &&
	    told[3].f.e.status == EX_TEMPFAIL, "one that hangs is ended");
	ok(is(4, "silent", CHECK_FAILED, "found nothing"),
	    "to find nothing is a failure");
	ok(is(6, "exits", CHECK_OK, "so far") && is(7, "exits", CHECK_FAILED,
	    "ended with status 99"), "so is a status");
	ok(is(5, "good", CHECK_OK, "all is well") && ntold == 8,
	    "the others are as they are");
}

static void
test_what_comes_back(void)
{
	RUN(true, { "a", "bad", 60, false, bad, { NULL }, { NULL } },
	    { "a", "hostile", 60, false, hostile, { NULL }, { NULL } },
	    { "a", "talkative", 60, false, talkative, { NULL }, { NULL } });
	ok(is(0, "bad", CHECK_FAILED, "not allowed") &&
	    told[0].f.e.status == EX_NOPERM &&
	    told[0].f.e.retry == RETRY_SERVICE &&
	    strcmp(told[0].f.e.id, "E401") == 0 &&
	    strcmp(told[0].f.e.fix, "ask somebody") == 0 &&
	    told[0].f.cure == CURE_ENABLE, "a failure comes back whole");
	ok(is(1, "hostile", CHECK_OK, "a?[31mb") &&
	    is(2, "talkative", CHECK_OK, "number 0 of many"),
	    "lines that are none are passed by, and control characters shown");
	ok(ntold <= 2 + 16, "who talks without end is cut short (%zu)", ntold);
}

static void
test_causes(void)
{
	RUN(true, { "a", "bad", 60, false, bad, { NULL }, { NULL } },
	    { "b", "next", 60, false, good, { "bad" }, { NULL } },
	    { "b", "last", 60, false, good, { "next" }, { NULL } },
	    { "c", "same", 60, false, bad, { NULL }, { "bad" } },
	    { "c", "other", 60, false, bad, { NULL }, { NULL } });
	ok(is(1, "next", CHECK_SKIPPED, "not looked at: it needs a bad"),
	    "what needs a failed one is left out");
	ok(is(2, "last", CHECK_SKIPPED, "not looked at: it needs a bad"),
	    "and so on, with the first cause");
	ok(is(3, "same", CHECK_SKIPPED, "for the same reason as a bad"),
	    "the same id is not told twice");
	ok(is(4, "other", CHECK_FAILED, "not allowed") && ntold == 5,
	    "but of one that has nothing to do with it");
	RUN(true, { "a", "warning", 60, false, warning, { NULL }, { NULL } },
	    { "b", "next", 60, false, good, { "warning" }, { NULL } });
	ok(is(0, "warning", CHECK_WARNING, "open") &&
	    is(1, "next", CHECK_OK, "all is well"), "a warning stops nobody");
}

static void
test_target(void)
{
	const struct check table[] = {
		{ "a", "finds", 60, true, finds, { NULL }, { NULL } },
		{ "b", "next", 60, true, good, { "finds" }, { NULL } },
		{ "b", "good", 60, false, good, { "finds" }, { NULL } },
	};
	const bool only[] = { false, true, false };

	(void)run(table, 3, true, NULL);
	ok(ntold == 3 && is(1, "next", CHECK_OK, "all is well") &&
	    strcmp(told[1].machine, "/subscriptions/x") == 0,
	    "the machine that was found is known to what needs it");
	(void)run(table, 3, false, NULL);
	ok(ntold == 1 && is(0, "good", CHECK_OK, "all is well"),
	    "without a target, what is not of one");
	(void)run(table, 3, true, only);
	ok(ntold == 1 && is(0, "next", CHECK_OK, "all is well"),
	    "some of them, whatever they need");
}

static void
test_order(void)
{
	size_t i;
	bool in_order = true;

	RUN(true, { "a", "hang", 1, false, hang, { NULL }, { NULL } },
	    { "a", "one", 60, false, good, { NULL }, { NULL } },
	    { "a", "two", 60, false, good, { "hang" }, { NULL } },
	    { "a", "three", 60, false, good, { NULL }, { NULL } });
	for (i = 0; i < ntold; i++)
		in_order &= strcmp(told[i].name, (const char *const [])
		    { "hang", "hang", "one", "two", "three" }[i]) == 0;
	ok(ntold == 5 && in_order, "told as in the table, whoever ends first");
}

int
main(void)
{
	test_beside_each_other();
	test_one_alone_suffers();
	test_what_comes_back();
	test_causes();
	test_target();
	test_order();
	return (done_testing());
}
