/*
 * Goal: nobody but us can read a cached secret or plant one; readers see whole
 * entries or none; no file system can hang us.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "auth/cache.h"
#include "relay/secret.h"
#include "test/unit/tap.h"

#define ROUNDS	200	/* of killing a writer */

static char top[200];
static char folder[300];	/* of the cache */
static struct cache cache;

static struct cache_key
a_key(int port)
{
	return (cache_key_relay("AzureCloud", "/subscriptions/x", port));
}

static int
put(const struct cache_key *key, const char *text)
{
	struct secret s = SECRET_INIT;
	int rc;

	if (secret_set(&s, text, strlen(text)) == -1)
		abort();
	rc = cache_write(&cache, key, &s);
	secret_free(&s);
	return (rc);
}

/* Is the entry text?  NULL: is it a miss? */
static int
holds(const struct cache_key *key, const char *text)
{
	struct secret s = SECRET_INIT;
	int rc = cache_read(&cache, key, &s);
	int same = text == NULL ? rc == -1 :
	    rc == 0 && strcmp(s.data, text) == 0;

	secret_free(&s);
	return (same);
}

static mode_t
mode_of(const char *path)
{
	struct stat st;

	return (lstat(path, &st) == 0 ? st.st_mode & 07777 : (mode_t)-1);
}

static int
entries(void)
{
	char command[400];
	int n = -1;
	FILE *p;

	(void)snprintf(command, sizeof(command), "ls -A %s | wc -l", folder);
	if ((p = popen(command, "r")) == NULL || fscanf(p, "%d", &n) != 1 ||
	    pclose(p) != 0)
		abort();
	return (n);
}

static void
keys(void)
{
	struct cache_key a, b;

	(void)unsetenv("AZURE_TENANT_ID");
	(void)unsetenv("AZURE_CLIENT_ID");
	a = cache_key_relay("AzureCloud", "/Subscriptions/ABC", 22);
	b = cache_key_relay("azurecloud", "/subscriptions/abc", 22);
	ok(strlen(a.name) == 64 &&
	    strspn(a.name, "0123456789abcdef") == 64, "a key is a hash");
	ok(strcmp(a.name, b.name) == 0, "case does not matter");
	b = cache_key_relay("AzureCloud", "/Subscriptions/ABC", 23);
	ok(strcmp(a.name, b.name) != 0, "the port matters");
	b = cache_key_relay("Other", "/Subscriptions/ABC", 22);
	ok(strcmp(a.name, b.name) != 0, "the cloud matters");
	(void)setenv("AZURE_CLIENT_ID", "me", 1);
	b = cache_key_relay("AzureCloud", "/Subscriptions/ABC", 22);
	ok(strcmp(a.name, b.name) != 0, "the identity matters");
	(void)unsetenv("AZURE_CLIENT_ID");
	(void)setenv("AZURE_TENANT_ID", "me", 1);
	ok(strcmp(b.name, cache_key_relay("AzureCloud", "/Subscriptions/ABC",
	    22).name) != 0, "and its kind");
	(void)unsetenv("AZURE_TENANT_ID");
}

static void
places(void)
{
	char run[220], cached[220], home[220];
	struct cache c;

	(void)snprintf(run, sizeof(run), "%s/run", top);
	(void)snprintf(cached, sizeof(cached), "%s/xdg/arc-relay", top);
	(void)snprintf(home, sizeof(home), "%s/.cache/arc-relay", top);

	(void)unsetenv("XDG_RUNTIME_DIR");
	(void)unsetenv("XDG_CACHE_HOME");
	(void)unsetenv("HOME");
	cache_open(&c);
	ok(!cache_works(&c) && c.folder.why[0] != '\0', "no HOME: no cache: %s", c.folder.why);
	(void)setenv("HOME", "relative", 1);
	cache_open(&c);
	ok(!cache_works(&c), "a relative HOME: no cache: %s", c.folder.why);
	(void)setenv("HOME", "/dev/null", 1);
	cache_open(&c);
	ok(!cache_works(&c), "HOME is no folder: no cache: %s", c.folder.why);

	(void)setenv("HOME", top, 1);
	(void)setenv("XDG_RUNTIME_DIR", "relative", 1);
	(void)setenv("XDG_CACHE_HOME", "relative", 1);
	cache_open(&c);
	ok(cache_works(&c) && mode_of(home) == 0700 && c.folder.why[0] == '\0',
	    "relative XDG names are ignored: ~/.cache");
	cache_close(&c);

	(void)setenv("XDG_RUNTIME_DIR", "/nonexistent", 1);
	(void)snprintf(cached, sizeof(cached), "%s/xdg", top);
	(void)setenv("XDG_CACHE_HOME", cached, 1);
	(void)snprintf(cached, sizeof(cached), "%s/xdg/arc-relay", top);
	cache_open(&c);
	ok(cache_works(&c) && mode_of(cached) == 0700,
	    "an unusable XDG_RUNTIME_DIR: the next place");
	cache_close(&c);

	if (mkdir(run, 0700) == -1)
		abort();
	(void)setenv("XDG_RUNTIME_DIR", run, 1);
	(void)snprintf(folder, sizeof(folder), "%s/run/arc-relay", top);
	cache_open(&c);
	ok(cache_works(&c) && mode_of(folder) == 0700, "XDG_RUNTIME_DIR");
	cache_close(&c);

	(void)unsetenv("XDG_CACHE_HOME");
	(void)unsetenv("HOME");
	(void)chmod(folder, 0750);
	cache_open(&c);
	ok(!cache_works(&c), "a folder open to others: no cache: %s", c.folder.why);
	(void)chmod(folder, 0700);
	if (rmdir(folder) == -1 || symlink(top, folder) == -1)
		abort();
	cache_open(&c);
	ok(!cache_works(&c), "a link in its place: no cache: %s", c.folder.why);
	(void)unlink(folder);
}

static void
modes(void)
{
	static const mode_t umasks[] = { 0, 02, 022, 077 };
	struct cache_key key = a_key(22);
	char path[400];
	size_t i;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, key.name);
	for (i = 0; i < sizeof(umasks) / sizeof(umasks[0]); i++) {
		(void)unlink(path);
		(void)rmdir(folder);
		(void)umask(umasks[i]);
		cache_open(&cache);
		ok(put(&key, "text") == 0 && holds(&key, "text") &&
		    mode_of(path) == 0600 && mode_of(folder) == 0700,
		    "umask %03o: 0600 in 0700", (unsigned)umasks[i]);
		cache_close(&cache);
	}
	(void)umask(0777);
	cache_open(&cache);
	ok(put(&key, "text") == 0 && mode_of(path) == 0600,
	    "umask 777: 0600 all the same");
	(void)umask(022);
}

static void
planted(void)
{
	struct cache_key key = a_key(1), other = a_key(2);
	char path[400], elsewhere[400], text[CACHE_ENTRY_MAX + 2];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, key.name);
	(void)snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", top);
	ok(holds(&key, NULL), "no entry: a miss");
	(void)put(&key, "text");
	(void)chmod(path, 0640);
	ok(holds(&key, NULL), "readable by others: a miss");
	(void)chmod(path, 0600);
	ok(holds(&key, "text"), "private again: a hit");
	if (link(path, elsewhere) == -1)
		abort();
	ok(holds(&key, NULL), "a second name: a miss");
	ok(put(&key, "new") == 0 && holds(&key, "new"),
	    "a write leaves the second name behind");
	(void)unlink(path);
	if (symlink(elsewhere, path) == -1)
		abort();
	ok(holds(&key, NULL), "a symbolic link: a miss");
	ok(put(&key, "new") == 0 && holds(&key, "new"), "a write replaces it");
	fd = open(elsewhere, O_RDONLY);
	ok(fd != -1 && read(fd, text, 10) == 4 && memcmp(text, "text", 4) == 0,
	    "and what it pointed to is untouched");
	(void)close(fd);
	(void)unlink(elsewhere);
	(void)unlink(path);
	if (mkfifo(path, 0600) == -1)
		abort();
	ok(holds(&key, NULL), "a FIFO: a miss, at once");
	ok(put(&key, "new") == 0 && holds(&key, "new"), "a write replaces it");
	(void)unlink(path);
	if (mkdir(path, 0700) == -1)
		abort();
	ok(holds(&key, NULL) && put(&key, "new") == -1, "a folder: a miss");
	(void)rmdir(path);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	ok(holds(&key, NULL), "empty: a miss");
	if (ftruncate(fd, (off_t)1 << 30) == -1)
		abort();
	ok(holds(&key, NULL), "1 GB: a miss");
	(void)close(fd);
	if (geteuid() == 0) {
		(void)put(&key, "text");
		if (chown(path, 1, (gid_t)-1) == -1)
			abort();
		ok(holds(&key, NULL), "somebody else's: a miss");
	}
	cache_drop(&cache, &key);
	cache_drop(&cache, &key);
	ok(holds(&key, NULL), "dropped");

	memset(text, 'x', sizeof(text));
	text[CACHE_ENTRY_MAX] = '\0';
	ok(put(&other, text) == 0 && holds(&other, text), "64 KiB: kept");
	text[CACHE_ENTRY_MAX] = 'x';
	text[CACHE_ENTRY_MAX + 1] = '\0';
	ok(put(&other, text) == -1 && !holds(&other, NULL),
	    "more: refused, the old entry stays");
	ok(put(&other, "") == -1, "nothing: refused");
	cache_drop(&cache, &other);
}

static long
ms_of_lock(const struct cache_key *key, int wait_ms, int *lock)
{
	struct timespec a, b;

	(void)clock_gettime(CLOCK_MONOTONIC, &a);
	*lock = cache_lock(&cache, key, wait_ms);
	(void)clock_gettime(CLOCK_MONOTONIC, &b);
	return ((b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) /
	    1000000);
}

static void
locks(void)
{
	struct cache_key key = a_key(3), other = a_key(4);
	int lock, second, go[2];
	char path[400], byte;
	pid_t pid;
	long ms;

	lock = cache_lock(&cache, &key, 0);
	ok(lock != -1, "locked");
	second = cache_lock(&cache, &other, 0);
	ok(second != -1, "another key: its own lock");
	cache_unlock(second);
	ms = ms_of_lock(&key, 200, &second);
	ok(second == -1 && ms >= 200 && ms < 2000,
	    "held: given up after the wait (%ld ms)", ms);
	cache_unlock(lock);
	lock = cache_lock(&cache, &key, 0);
	ok(lock != -1, "locked again");
	cache_unlock(lock);

	if (pipe(go) == -1 || (pid = fork()) == -1)
		abort();
	if (pid == 0) {
		lock = cache_lock(&cache, &key, 0);
		(void)!write(go[1], "x", 1);
		(void)pause();
		_exit(lock);
	}
	ok(read(go[0], &byte, 1) == 1 && cache_lock(&cache, &key, 0) == -1,
	    "held by another process");
	(void)kill(pid, SIGKILL);
	ms = ms_of_lock(&key, 5000, &lock);
	ok(lock != -1 && ms < 1000, "killed: free at once (%ld ms)", ms);
	cache_unlock(lock);
	(void)waitpid(pid, NULL, 0);
	cache_unlock(-1);

	(void)snprintf(path, sizeof(path), "%s/%s.lck", folder, key.name);
	ok(mode_of(path) == 0600, "a lock file is private");
	(void)unlink(path);
	if (mkfifo(path, 0600) == -1)
		abort();
	ok(cache_lock(&cache, &key, 5000) == -1, "a FIFO is no lock");
	(void)unlink(path);
	(void)close(go[0]);
	(void)close(go[1]);
}

/* One read: is it 20,000 times the same digit?  0: a miss. */
static int
is_whole(const struct cache_key *key, int *torn)
{
	struct secret s = SECRET_INIT;
	int rc = cache_read(&cache, key, &s);

	if (rc == 0 && (s.len != 20000 ||
	    strspn(s.data, s.data[0] == '1' ? "1" : "2") != s.len))
		(*torn)++;
	secret_free(&s);
	return (rc == 0);
}

/* The writer writes "1111..." and "2222..." in turn until it is killed. */
static void
killed_writers(void)
{
	char text[2][20001], path[400];
	struct cache_key key = a_key(5);
	int i, torn = 0, missing = 0;
	struct timespec old[2] = { { 1, 0 }, { 1, 0 } };
	pid_t pid;

	memset(text[0], '1', 20000);
	memset(text[1], '2', 20000);
	text[0][20000] = text[1][20000] = '\0';
	(void)put(&key, text[0]);
	for (i = 0; i < ROUNDS; i++) {
		if ((pid = fork()) == -1)
			abort();
		if (pid == 0)
			for (i = 0;; i++)
				(void)put(&key, text[i % 2]);
		(void)usleep((useconds_t)(i * 37 % 3000));
		(void)kill(pid, SIGKILL);
		missing += !is_whole(&key, &torn);
		(void)waitpid(pid, NULL, 0);
		missing += !is_whole(&key, &torn);
	}
	ok(missing == 0, "%d writers killed: the entry is always there", ROUNDS);
	ok(torn == 0, "and always whole");

	i = entries();
	(void)snprintf(path, sizeof(path),
	    "%s/.t.0123456789abcdef", folder);
	(void)close(open(path, O_WRONLY | O_CREAT, 0600));
	(void)utimensat(AT_FDCWD, path, old, 0);
	(void)put(&key, "text");
	ok(mode_of(path) == (mode_t)-1 && entries() <= i,
	    "old temporary files are removed by the next writer");
}

static void
no_room(void)
{
	struct cache none = { .folder = FOLDER_INIT };
	struct cache_key key = a_key(6);
	struct secret s = SECRET_INIT;
	struct rlimit before, small;
	char text[2000];
	int n, rc;

	ok(cache_read(&none, &key, &s) == -1 &&
	    cache_write(&none, &key, &s) == -1 &&
	    cache_lock(&none, &key, 1000) == -1, "no cache: no harm");
	cache_drop(&none, &key);
	cache_close(&none);

	/* a full disk: the first bytes go through, the next do not */
	(void)put(&key, "old");
	n = entries();
	(void)getrlimit(RLIMIT_FSIZE, &before);
	small = before;
	small.rlim_cur = 1000;
	(void)signal(SIGXFSZ, SIG_IGN);
	(void)setrlimit(RLIMIT_FSIZE, &small);
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	rc = put(&key, text);
	(void)setrlimit(RLIMIT_FSIZE, &before);
	ok(rc == -1 && holds(&key, "old"), "no room: the old entry stays");
	ok(entries() == n, "and no temporary file is left");

	if (geteuid() == 0) {
		if (seteuid(1) == -1)
			abort();
		rc = put(&key, "new");
		if (seteuid(0) == -1)
			abort();
	} else {
		(void)chmod(folder, 0500);
		rc = put(&key, "new");
		(void)chmod(folder, 0700);
	}
	ok(rc == -1 && holds(&key, "old"),
	    "a folder that cannot be written: the old entry stays");
}

int
main(void)
{
	char command[300];

	(void)snprintf(top, sizeof(top), "%s/cache_test.XXXXXX",
	    getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
	if (mkdtemp(top) == NULL)
		abort();
	keys();
	places();
	modes();
	planted();
	locks();
	killed_writers();
	no_room();
	cache_close(&cache);
	(void)snprintf(command, sizeof(command), "rm -rf %s", top);
	ok(system(command) == 0, "cleaned up");
	return (done_testing());
}
