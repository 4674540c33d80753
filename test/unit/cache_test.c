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

#include "auth/account.h"
#include "auth/cache.h"
#include "auth/cloud.h"
#include "auth/folder.h"
#include "auth/identity.h"
#include "relay/err.h"
#include "relay/network.h"
#include "relay/secret.h"
#include "test/unit/tap.h"

#define ROUNDS	200	/* of killing a writer */

static char top[200];
static char folder[300];	/* of the cache */
static struct cache cache;

static struct cache_key
a_key(int port)
{
	return (cache_key_relay("me", "/subscriptions/x", port));
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

static bool
same(struct cache_key a, struct cache_key b)
{
	return (strcmp(a.name, b.name) == 0);
}

static void
keys(void)
{
	struct cache_key a = cache_key_relay("me", "/Subscriptions/ABC", 22);

	ok(strlen(a.name) == 64 &&
	    strspn(a.name, "0123456789abcdef") == 64, "a key is a hash");
	ok(same(a, cache_key_relay("me", "/subscriptions/abc", 22)),
	    "case does not matter");
	ok(!same(a, cache_key_relay("me", "/Subscriptions/ABC", 23)),
	    "the port matters");
	ok(!same(a, cache_key_relay("you", "/Subscriptions/ABC", 22)),
	    "the identity matters");
	ok(!same(a, cache_key_token("me")) &&
	    !same(cache_key_token("me"), cache_key_token("you")),
	    "a token has a key of its own");
	ok(cache_key_relay("", "/Subscriptions/ABC", 22).name[0] == '\0' &&
	    cache_key_token("").name[0] == '\0',
	    "without an identity there is no key");
}

/* Whatever changes the way there. */
static void
networks(void)
{
	static const char *const names[] = {
		"HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy",
		"HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy",
		"ARC_RELAY_PROXY_AUTH_FILE", "SSL_CERT_FILE", "SSL_CERT_DIR",
	};
	const struct network net = { .proxy = "" };
	char with[SHA256_HEX + 1], without[SHA256_HEX + 1];
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)unsetenv(names[i]);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)cache_network(&net, without);
		(void)setenv(names[i], "x", 1);
		ok(strcmp(cache_network(&net, with), without) != 0,
		    "%s is another way", names[i]);
		(void)unsetenv(names[i]);
	}
}

static void
identities(void)
{
	static const char *const names[] = {
		"AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET",
		"AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_FEDERATED_TOKEN_FILE",
		"AZURE_TOKEN_CREDENTIALS", "AZURE_AUTHORITY_HOST",
		"IDENTITY_ENDPOINT", "MSI_ENDPOINT",
		"AZURE_POD_IDENTITY_AUTHORITY_HOST",
	};
	enum { n = sizeof(names) / sizeof(names[0]) };
	struct cloud cloud = { .name = "a", .management = "https://b" };
	struct cloud other = { .name = "a", .management = "https://c" };
	char hex[n + 6][SHA256_HEX + 1];
	size_t i, j, twins = 0;

	for (i = 0; i < n; i++)
		(void)unsetenv(names[i]);
	identity_hash(&cloud, NULL, NULL, hex[n]);
	identity_hash(&other, NULL, NULL, hex[n + 1]);
	identity_hash(&cloud, "environment", NULL, hex[n + 2]);
	identity_hash(&cloud, NULL, "environment", hex[n + 3]);
	(void)snprintf(other.management, sizeof(other.management), "https://b");
	(void)snprintf(other.authority, sizeof(other.authority), "https://d");
	identity_hash(&other, NULL, NULL, hex[n + 4]);
	for (i = 0; i < n; i++) {
		(void)setenv(names[i], "x", 1);
		identity_hash(&cloud, NULL, NULL, hex[i]);
		(void)unsetenv(names[i]);
	}
	identity_hash(&cloud, NULL, NULL, hex[n + 5]);
	ok(strlen(hex[n]) == 64 && strcmp(hex[n], hex[n + 5]) == 0,
	    "the same identity: the same hash");
	for (i = 0; i < n + 5; i++)
		for (j = 0; j < i; j++)
			twins += strcmp(hex[i], hex[j]) == 0;
	ok(twins == 0, "whatever makes another identity makes another hash");
}

/* Writes a file below top, and its folder. */
static void
put_file(const char *folder_name, const char *name, const char *text)
{
	char path[500];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", top, folder_name);
	(void)mkdir(path, 0700);
	(void)snprintf(path, sizeof(path), "%s/%s/%s", top, folder_name, name);
	if ((f = fopen(path, "w")) == NULL || fputs(text, f) == EOF ||
	    fchmod(fileno(f), 0600) == -1 || fclose(f) == EOF)
		abort();
}

static void
logins(void)
{
	static const char profile[] = "{\"subscriptions\":[{\"id\":\"s\","
	    "\"isDefault\":true,\"tenantId\":\"%s\",\"environmentName\":"
	    "\"AzureCloud\",\"user\":{\"name\":\"%s\",\"type\":\"user\"}}]}";
	struct account mine = { .kind = "service-principal", .name = "a",
	    .tenant = "t", .client = "c", .cloud = "AzureCloud",
	    .authority = "https://login" };
	struct cloud cloud = { .name = "a", .management = "https://b" };
	struct secret secret = SECRET_INIT;
	struct err e;
	char hex[5][SHA256_HEX + 1], dir[300], text[1000];
	size_t i, j, twins = 0;

	(void)snprintf(dir, sizeof(dir), "%s/azure", top);
	(void)setenv("AZURE_CONFIG_DIR", dir, 1);
	(void)snprintf(dir, sizeof(dir), "%s/state", top);
	(void)setenv("XDG_STATE_HOME", dir, 1);
	identity_hash(&cloud, NULL, NULL, hex[0]);
	(void)snprintf(text, sizeof(text), profile, "t1", "me");
	put_file("azure", "azureProfile.json", text);
	identity_hash(&cloud, NULL, NULL, hex[1]);
	(void)snprintf(text, sizeof(text), profile, "t2", "me");
	put_file("azure", "azureProfile.json", text);
	identity_hash(&cloud, NULL, NULL, hex[2]);
	if (secret_set(&secret, "CANARY", 6) == -1 ||
	    account_save(&mine, &secret, &e) == -1)
		abort();
	identity_hash(&cloud, NULL, NULL, hex[3]);
	(void)snprintf(mine.name, sizeof(mine.name), "b");
	if (account_save(&mine, &secret, &e) == -1)
		abort();
	identity_hash(&cloud, NULL, NULL, hex[4]);
	for (i = 0; i < 5; i++)
		for (j = 0; j < i; j++)
			twins += strcmp(hex[i], hex[j]) == 0;
	ok(twins == 0, "another login, ours or of az, is another identity");
	secret_free(&secret);
	(void)unsetenv("AZURE_CONFIG_DIR");
	(void)unsetenv("XDG_STATE_HOME");
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
	char text[2][20001];
	struct cache_key key = a_key(5);
	int i, torn = 0, missing = 0;
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

}

/* A file of the cache that was written in 1970. */
static void
leave(const char *name)
{
	struct timespec old[2] = { { 1, 0 }, { 1, 0 } };
	int fd = openat(cache.folder.fd, name, O_WRONLY | O_CREAT, 0600);

	if (fd == -1 || futimens(fd, old) == -1)
		abort();
	(void)close(fd);
}

static bool
is_there(const char *name)
{
	struct stat st;

	return (fstatat(cache.folder.fd, name, &st, 0) == 0);
}

static void
sweeping(void)
{
	static const char temp[] = ".t.0123456789abcdef";
	struct cache_key key = a_key(7), held = a_key(8);
	char entry[SHA256_HEX + 1], lock[80], taken[80];
	int fd;

	memset(entry, 'a', SHA256_HEX);
	entry[SHA256_HEX] = '\0';
	(void)snprintf(lock, sizeof(lock), "%s.lck", entry);
	(void)snprintf(taken, sizeof(taken), "%s.lck", held.name);
	leave(temp);
	leave(entry);
	leave(lock);
	leave(taken);
	leave("account.json");
	fd = cache_lock(&cache, &held, 0);
	(void)put(&key, "text");
	ok(is_there(temp) && is_there(entry), "there was a sweep just now");
	leave(".swept");
	(void)put(&key, "text");
	ok(!is_there(temp), "old temporary files are removed by a writer");
	ok(!is_there(entry) && holds(&key, "text"), "old entries too");
	ok(!is_there(lock), "and locks that nobody holds");
	ok(fd != -1 && is_there(taken) && is_there("account.json"),
	    "not one that is held, nor what is none of these");
	cache_unlock(fd);
	(void)folder_drop(&cache.folder, "account.json");
}

/* Who waits for a lock that is swept away waits for the next one. */
static void
swept_lock(void)
{
	struct cache_key key = a_key(9);
	int first = cache_lock(&cache, &key, 0), second, bad = 0;
	char file[80];
	pid_t pid;

	(void)snprintf(file, sizeof(file), "%s.lck", key.name);
	if ((pid = fork()) == -1)
		abort();
	if (pid == 0) {
		cache_unlock(first);	/* our copy of it */
		second = cache_lock(&cache, &key, 20000);
		_exit(second != -1 && is_there(file) &&
		    cache_lock(&cache, &key, 0) == -1 ? 0 : 1);
	}
	(void)usleep(100000);
	(void)folder_drop(&cache.folder, file);
	cache_unlock(first);
	(void)waitpid(pid, &bad, 0);
	ok(bad == 0, "a lock that was swept away meanwhile locks nobody out");
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

/* sudo with the HOME of a user who has no such folder yet. */
static void
user_s_home(void)
{
	char home[250], missing[300], parent[320];
	struct folder f;
	struct stat st;

	(void)snprintf(home, sizeof(home), "%s/user", top);
	(void)snprintf(missing, sizeof(missing), "%s/.local", home);
	(void)snprintf(parent, sizeof(parent), "%s/state", missing);
	if (geteuid() != 0 || mkdir(home, 0700) == -1 || chown(home, 1, 1) == -1)
		return;
	ok(folder_open(&f, parent) == -1 && strstr(f.why, "not root's") != NULL,
	    "root in a user's home: %s", f.why);
	ok(stat(missing, &st) == -1, "and leaves nothing there");
	if (seteuid(2) == -1)
		abort();
	ok(folder_open(&f, "/dev/null/x") == -1 &&
	    strstr(f.why, "Not a directory") != NULL, "why: %s", f.why);
	ok(folder_open(&f, "/a/b") == -1 &&
	    strstr(f.why, "Permission denied") != NULL, "why: %s", f.why);
	if (seteuid(0) == -1)
		abort();
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
	networks();
	identities();
	logins();
	places();
	modes();
	planted();
	locks();
	killed_writers();
	sweeping();
	swept_lock();
	no_room();
	user_s_home();
	cache_close(&cache);
	(void)snprintf(command, sizeof(command), "rm -rf %s", top);
	ok(system(command) == 0, "cleaned up");
	return (done_testing());
}
