/*
 * Goal: a name leads to the machine that Azure listed, quickly, and to nothing
 * that somebody wrote into the file; hostile names are never in it.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "auth/arc.h"
#include "auth/cache.h"
#include "auth/machines.h"
#include "auth/names.h"
#include "auth/text.h"
#include "relay/clock.h"
#include "relay/err.h"
#include "relay/secret.h"
#include "test/unit/tap.h"

#define SUB1	"00000000-1111-2222-3333-444444444444"
#define SUB2	"99999999-1111-2222-3333-444444444444"
#define MANY	10000

static char top[200];
static char path[400];		/* of the file */
static struct cache cache;
static struct err e;
static struct arc_id id;
static long age_s;

static void
add(struct machines *l, const char *name, const char *group, const char *sub,
    const char *sub_name)
{
	char text[2048];
	struct machine m = {
		.id = text, .name = name, .group = group, .subscription = sub,
		.subscription_name = sub_name, .type = "", .kind = "",
		.location = "", .os = "", .agent = "", .status = ""
	};

	(void)snprintf(text, sizeof(text), "/subscriptions/%s/resourceGroups/"
	    "%s/providers/Microsoft.HybridCompute/machines/%s", sub, group,
	    name);
	if (machines_add(l, &m) == -1)
		abort();
}

static void
keep(struct machines *l)
{
	machines_sort(l);
	names_keep(&cache, "me", l);
	machines_free(l);
}

static enum names_found
find(const char *target)
{
	e = (struct err)ERR_INIT;
	id = (struct arc_id){ .text = "" };
	return (names_find(&cache, "me", target, &id, &age_s, &e));
}

static bool
leads_to(const char *target, const char *name, const char *group,
    const char *sub)
{
	return (find(target) == NAMES_ONE && strcmp(id.name, name) == 0 &&
	    strcmp(id.group, group) == 0 && strcmp(id.subscription, sub) == 0);
}

static bool
says(const char *target, const char *list)
{
	return (find(target) == NAMES_MANY && strcmp(e.id, "E203") == 0 &&
	    e.status == EX_NOHOST && strstr(e.cause, list) != NULL);
}

static void
some(struct machines *l)
{
	add(l, "Web01", "RG1", SUB1, "Prod");
	add(l, "web02", "rg1", SUB1, "Prod");
	add(l, "web02", "rg2", SUB1, "Prod");
	add(l, "web03", "rg1", SUB1, "Prod");
	add(l, "web03", "rg1", SUB2, "My Sub (2)");
	add(l, "db.one", "rg.x", SUB1, "Prod");
	add(l, "db", "one", SUB1, "Prod");
	add(l, "web04", "rg1", SUB1, "Prod");
	add(l, "web04.arc", "rg1", SUB1, "Prod");
	add(l, "web-05", "gr\xc3\xbcn", SUB1, "Prod");
}

static void
test_find(void)
{
	struct machines l = MACHINES_INIT;

	ok(find("web01") == NAMES_MISS, "nothing is known");
	some(&l);
	keep(&l);
	ok(leads_to("web01", "Web01", "RG1", SUB1), "NAME");
	ok(age_s >= 0 && age_s < 60, "known for %ld s", age_s);
	ok(leads_to("WEB01.Arc", "Web01", "RG1", SUB1), "NAME.arc");
	ok(leads_to("web02.RG2", "web02", "rg2", SUB1), "NAME.GROUP");
	ok(leads_to("web03.rg1.prod", "web03", "rg1", SUB1),
	    "NAME.GROUP.SUBSCRIPTION");
	ok(leads_to("web03.rg1.My Sub (2).arc", "web03", "rg1", SUB2),
	    "one with blanks");
	ok(leads_to("web03.rg1." SUB2, "web03", "rg1", SUB2), "a GUID");
	ok(leads_to("web-05.gr\xc3\xbcn", "web-05", "gr\xc3\xbcn", SUB1),
	    "a group with an umlaut");
	ok(leads_to("db.one.rg.x", "db.one", "rg.x", SUB1), "dots in both");
	ok(leads_to("db", "db", "one", SUB1), "before a dot");
	ok(says("web02", ": web02.rg1, web02.rg2"), "%s", e.cause);
	ok(says("web02.arc", ": web02.rg1.arc, web02.rg2.arc"), "%s", e.cause);
	ok(says("web03.rg1", ": web03.rg1.Prod, web03.rg1." SUB2), "%s",
	    e.cause);
	ok(says("db.one", ": db, db.one.rg.x"), "%s", e.cause);
	ok(says("web04.arc", ": web04.rg1.arc, web04.arc.arc"), "%s", e.cause);
	ok(leads_to("web04", "web04", "rg1", SUB1), "web04 is not web04.arc");
	ok(find("web") == NAMES_NONE && strcmp(e.id, "E201") == 0 &&
	    strstr(e.cause, "10 ") != NULL, "%s", e.cause);
	ok(find("web011") == NAMES_NONE && find("a") == NAMES_NONE &&
	    find("zzz") == NAMES_NONE, "no others");
	ok(names_find(&cache, "you", "web01", &id, &age_s, &e) == NAMES_MISS &&
	    names_find(&cache, "", "web01", &id, &age_s, &e) == NAMES_MISS,
	    "another identity");
	keep(&l);
	ok(find("web01") == NAMES_NONE, "no machines at all is an answer");
}

static void
test_many_equal(void)
{
	struct machines l = MACHINES_INIT;
	char group[100], line[500], long_group[91];
	int i;

	for (i = 0; i < 12; i++) {
		(void)snprintf(group, sizeof(group), "group-number-%d", i);
		add(&l, "web01", group, SUB1, "Prod");
	}
	memset(long_group, 'g', 90);
	long_group[90] = '\0';
	add(&l, "web02", long_group, SUB1, "Prod");
	add(&l, "web02", "h", SUB1, "Prod");
	add(&l, "web02", "i", SUB1, "Prod");
	keep(&l);
	ok(says("web01", "group-number-0, web01.group-number-1, ") &&
	    strstr(e.cause, " and 6 more") != NULL, "%s", e.cause);
	(void)err_line(&e, "arc-relay-proxy", "web01", line, sizeof(line));
	ok(strlen(line) < 400 && strstr(line, "more. fix: type one of") != NULL
	    && strstr(line, " [E203]") != NULL, "the line is whole: %s", line);
	ok(says("web02", "web02.g") && strstr(e.cause, ", web02.h") != NULL,
	    "%s", e.cause);
}

static void
test_any_length(void)
{
	struct machines l = MACHINES_INIT;
	char group[91];
	size_t len, i, cut = 0;

	for (len = 2; len <= 90; len++) {
		for (i = 0; i < 7; i++) {
			memset(group, 'g', len);
			group[len] = '\0';
			group[0] = (char)('a' + i);
			add(&l, "web01", group, SUB1, "Prod");
		}
		keep(&l);
		cut += find("web01") != NAMES_MANY ||
		    strstr(e.cause, " more") == NULL ||
		    strcmp(strstr(e.cause, " more"), " more") != 0;
	}
	ok(cut == 0, "the list of candidates is never cut within");
}

static void
test_hostile(void)
{
	static const char *const bad[] = { "", "*", "a b", "a\nb", "a\tb",
	    "$(id)", "../../x", "-oProxyCommand", "a'b", "a\"b", "\x1b[2J",
	    "a%n", "a/b", "x.", "w\xc3\xb6" };
	struct machines l = MACHINES_INIT;
	struct secret text = SECRET_INIT;
	char many[10001];
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		add(&l, bad[i], "rg1", SUB1, "Prod");
		add(&l, "good", bad[i], SUB1, "Prod");	/* two may be groups */
		add(&l, "good2", "rg1", bad[i], "Prod");
	}
	memset(many, 'x', 10000);
	many[10000] = '\0';
	add(&l, many, "rg1", SUB1, "Prod");
	add(&l, "long", many, SUB1, "Prod");
	add(&l, "sub1", "rg1", SUB1, "evil\tsub\n\x1b[2J");
	add(&l, "sub2", "rg1", SUB1, many);
	add(&l, "turn", "g\xe2\x80\xae", SUB1, "Prod");
	add(&l, "liar", "rg1", SUB1, "Prod");
	l.at[l.n - 1].name = "victim";
	add(&l, "switch", "rg1", SUB1, "Prod");
	l.at[l.n - 1].subscription = SUB2;
	add(&l, "noid", "rg1", SUB1, "Prod");
	l.at[l.n - 1].id = "";
	keep(&l);
	ok(text_read_file(path, NAMES_FILE_MAX, &text) == 0 &&
	    strstr(text.data, "\"machines\":4,") != NULL &&
	    memchr(text.data, '\x1b', text.len) == NULL &&
	    strstr(text.data, "evil") == NULL &&
	    strstr(text.data, "xxxx") == NULL, "nothing that cannot be typed");
	ok(leads_to("sub1." "rg1." SUB1, "sub1", "rg1", SUB1) &&
	    leads_to("sub2", "sub2", "rg1", SUB1),
	    "a subscription with an evil name has its GUID");
	ok(find("victim") == NAMES_NONE && find("liar") == NAMES_NONE,
	    "a name that its id belies is none");
	secret_free(&text);
}

static void
put(const char *text, size_t len, mode_t mode)
{
	FILE *f;

	(void)unlink(path);
	if ((f = fopen(path, "w")) == NULL || fwrite(text, 1, len, f) != len ||
	    fclose(f) == EOF || chmod(path, mode) == -1)
		abort();
}

/* One text replaced by another of the same length, in a copy. */
static bool
is_miss(const struct secret *good, const char *from, const char *to)
{
	char *copy = strdup(good->data), *at = strstr(copy, from);

	if (at == NULL || strlen(from) != strlen(to))
		abort();
	memcpy(at, to, strlen(to));
	put(copy, good->len, 0600);
	free(copy);
	return (find("web03.rg1.prod") == NAMES_MISS);
}

static void
count(void *arg, const char *file, const struct names_about *x)
{
	long *n = arg;

	n[0]++;
	n[1] += x->machines;
	n[2] += strlen(file) == strlen(NAMES_FILE) + SHA256_HEX;
}

static void
test_poisoned(void)
{
	struct machines l = MACHINES_INIT;
	struct secret good = SECRET_INIT;
	char other[300], key[17];
	struct names_about about;
	long n[3] = { 0 };
	size_t len;

	some(&l);
	keep(&l);
	ok(text_read_file(path, NAMES_FILE_MAX, &good) == 0, "a good file");
	names_each_file(&cache, count, n);
	ok(n[0] == 1 && n[1] == 10 && n[2] == 1, "it is listed");
	ok(names_about(&cache, "me", &about) == 0 && about.machines == 10 &&
	    about.bytes == good.len, "and says what it is");
	ok(is_miss(&good, "\"schema\":1", "\"schema\":2"), "another schema");
	ok(is_miss(&good, "\"names\"", "\"token\""), "another kind");
	ok(is_miss(&good, "\"key\":\"", "\"kez\":\""), "no key");
	(void)snprintf(key, sizeof(key), "%.16s", strrchr(path, '.') + 1);
	ok(is_miss(&good, key, "0123456789abcdef"), "of another identity");
	ok(is_miss(&good, "\"written\":1", "\"written\":9"), "of the future");
	ok(is_miss(&good, "\"written\":1", "\"written\":0"), "no number");
	ok(is_miss(&good, "\"bytes\":", "\"bytez\":"), "no length");
	ok(is_miss(&good, "\"machines\":1", "\"machines\":x"), "no JSON");
	ok(is_miss(&good, "web03\tProd\t/", "web03\tProd\t."), "no id");
	ok(is_miss(&good, "web03\tProd\t/", "web03\tPr\033d\t/"), "an escape");
	(void)is_miss(&good, "web03\tProd\t/", "web03 Prod\t/");
	ok(find("web03.rg1.prod") == NAMES_NONE, "a tab less");
	ok(is_miss(&good, "machines/web03\n", "machines/web99\n"),
	    "another machine than it is listed under");
	(void)is_miss(&good, "web01\tProd\t/", "Web01\tProd\t/");
	ok(find("web01") == NAMES_NONE, "not in lower case");
	ok(is_miss(&good, "HybridCompute/machines/web03",
	    "hybridCompute/nachines/web03"), "another type");
	for (len = 0; len < good.len; len += 7) {
		put(good.data, len, 0600);
		if (find("web01") != NAMES_MISS)
			break;
	}
	ok(len >= good.len, "cut off anywhere");
	put(good.data, good.len, 0644);
	ok(find("web01") == NAMES_MISS, "readable by others");
	put(good.data, good.len, 0600);
	ok(find("web01") == NAMES_ONE, "the good one again");
	(void)snprintf(other, sizeof(other), "%s/link", top);
	ok(link(path, other) == 0 && find("web01") == NAMES_MISS,
	    "with a second link");
	ok(rename(other, path) == 0 && unlink(other) == 0 &&
	    symlink(path, other) == 0 && rename(other, path) == 0 &&
	    find("web01") == NAMES_MISS, "a symbolic link");
	(void)unlink(path);
	secret_free(&good);
}

static void
collect(void *arg, const char *name, const char *machine)
{
	size_t len = strlen(arg);

	(void)machine;
	(void)snprintf((char *)arg + len, 2000 - len, "%s ", name);
}

static void
test_each(void)
{
	struct machines l = MACHINES_INIT;
	char all[2000] = "";

	ok(names_each(&cache, "me", "", collect, all) == -1, "nothing known");
	some(&l);
	keep(&l);
	ok(names_each(&cache, "me", "WEB0", collect, all) == 0 && strcmp(all,
	    "web01.arc web02.rg1.arc web02.rg2.arc web03.rg1.prod.arc "
	    "web03.rg1." SUB2 ".arc web04.rg1.arc web04.arc.arc ") == 0, "%s",
	    all);
	all[0] = '\0';
	ok(names_each(&cache, "me", "", collect, all) == 0 &&
	    strncmp(all, "db.arc db.one.rg.x.arc web-05.arc web01.arc ", 44) ==
	    0, "%s", all);
	all[0] = '\0';
	ok(names_each(&cache, "me", "web02.rg2", collect, all) == 0 &&
	    strcmp(all, "web02.rg2.arc ") == 0, "%s", all);
	all[0] = '\0';
	ok(names_each(&cache, "me", "Web01.R", collect, all) == 0 &&
	    names_each(&cache, "me", "web01.rg1.p", collect, all) == 0 &&
	    strcmp(all, "web01.rg1.arc web01.rg1.prod.arc ") == 0, "%s", all);
	all[0] = '\0';
	ok(names_each(&cache, "me", "web01.x", collect, all) == 0 &&
	    names_each(&cache, "me", "web01 ", collect, all) == 0 &&
	    all[0] == '\0', "nothing else");
}

static void
test_fast(void)
{
	struct machines l = MACHINES_INIT;
	static char all[2000];
	char name[32];
	int64_t began;
	int i, found = 0;

	for (i = 0; i < MANY; i++) {
		(void)snprintf(name, sizeof(name), "server-%05d", i * 7 % MANY);
		add(&l, name, "some-resource-group", SUB1, "Production");
	}
	machines_sort(&l);
	began = clock_ms();
	names_keep(&cache, "me", &l);
	printf("# %d kept in %lld ms\n", MANY, (long long)(clock_ms() - began));
	machines_free(&l);
	began = clock_ms();
	for (i = 0; i < 100; i++) {
		(void)snprintf(name, sizeof(name), "server-%05d.arc", i * 101);
		found += find(name) == NAMES_ONE;
	}
	printf("# one of %d found in %.2f ms\n", MANY,
	    (double)(clock_ms() - began) / 100);
	ok(found == 100, "all are found");
	began = clock_ms();
	ok(names_each(&cache, "me", "", collect, all) == 0 &&
	    all[1990] != '\0', "each");
	printf("# all told in %lld ms\n", (long long)(clock_ms() - began));
}

int
main(void)
{
	struct cache_key key = cache_key_names("me");
	char command[300];

	(void)snprintf(top, sizeof(top), "%s/names.XXXXXX",
	    getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
	if (mkdtemp(top) == NULL)
		abort();
	(void)setenv("ARC_RELAY_CACHE_DIR", top, 1);
	cache_open(&cache);
	(void)snprintf(path, sizeof(path), "%s/arc-relay/" NAMES_FILE "%s", top,
	    key.name);
	test_find();
	test_many_equal();
	test_any_length();
	test_hostile();
	test_poisoned();
	test_each();
	test_fast();
	cache_close(&cache);
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", top);
	return (system(command) == 0 ? done_testing() : 1);
}
