/*
 * Goal: what is written about one machine never changes what is written about
 * another, holds nothing that ssh or a shell reads otherwise, and can be read back.
 */
#include <stdbool.h>

#include "proxy/aliases.h"
#include "proxy/sshconf.h"
#include "proxy/sshconf_read.h"
#include "relay/clock.h"
#include "relay/err.h"
#include "relay/secret.h"
#include "test/unit/fleet.h"
#include "test/unit/tap.h"

#define ID(group, name)	"/subscriptions/" FLEET_GUID "/resourceGroups/" group \
	"/providers/Microsoft.HybridCompute/machines/" name

static const struct sshconf plain = {
	.proxy = "/usr/bin/arc-relay-proxy", .tool = "/usr/bin/arc-relay",
	.known_hosts = "/home/me/.ssh/known_hosts.arc",
	.cert_conf = "/home/me/.local/state/arc-relay/cert.conf",
	.port = 22, .connect_timeout_s = 120,
};

static struct machines fleet;
static struct secret text;		/* the last that was written */
static struct err e;
static char notes[4096];		/* "WHAT NAME: WHY\n" */

static void
note(void *arg, const struct machine *m, enum sshconf_note what, const char *why)
{
	(void)arg;
	(void)snprintf(notes + strlen(notes), sizeof(notes) - strlen(notes),
	    "%d %s: %s\n", (int)what, m->name, why);
}

static int
write_fleet(const struct sshconf *s)
{
	notes[0] = '\0';
	secret_free(&text);
	machines_sort(&fleet);
	return (sshconf_write(s, &fleet, &text, note, NULL, &e));
}

static bool
has(const char *part)
{
	return (text.data != NULL && strstr(text.data, part) != NULL);
}

static int
count_block(void *arg, const struct sshconf_block *b, struct err *err)
{
	(void)b, (void)err;
	++*(int *)arg;
	return (0);
}

/* How many blocks sshconf_read finds in what was written; -1: it refuses it. */
static int
blocks(void)
{
	int n = 0;

	return (sshconf_read(text.data, text.len, count_block, &n, &e) == 0 ? n : -1);
}

static void
whole_block(void)
{
	static const char expected[] =
	    "# >>> arc-relay begin v1: arc-relay config\n"
	    "# Changes here are lost: it is written anew as a whole.\n"
	    "Host web01.arc Web01.arc web01.prod.arc Web01.prod.arc "
	    "web01.prod.contoso.arc Web01.prod.Contoso.arc\n"
	    "    HostName web01.arc\n"
	    "    HostKeyAlias arc-4c2b3a6685f1d76c\n"
	    "    ProxyCommand '/usr/bin/arc-relay-proxy' -p %p --deadline 115 -- '"
	    ID("prod", "Web01") "'\n"
	    "    UserKnownHostsFile \"/home/me/.ssh/known_hosts.arc\"\n"
	    "    ConnectTimeout 120\n"
	    "    ServerAliveInterval 30\n"
	    "    ServerAliveCountMax 4\n"
	    "# <<< arc-relay end\n";

	fleet_add(&fleet, "Web01", "prod");
	ok(write_fleet(&plain) == 0 && strcmp(text.data, expected) == 0,
	    "the block of a machine");
	ok(notes[0] == '\0' && blocks() == 1, "is read back");
	machines_free(&fleet);
	ok(write_fleet(&plain) == 0 && blocks() == 0, "no machine, no block");
}

/* With all that can be asked for. */
static void
everything(void)
{
	static const char *const args[] = { "--cloud", "100% b", NULL };
	struct sshconf s = plain;

	s.proxy = "/opt/a b/100%/arc-relay-proxy";
	s.tool = "/opt/a b/100%/arc-relay";
	s.proxy_args = args;
	s.cert_args = args;
	s.made_by = "arc-relay config\nHost *\033[31m m\xc3\xbcll";
	s.user = "CONTOSO\\me";
	s.user_tag = "user";
	s.identity_file = "/home/m\xc3\xbcll er/50%";
	s.port = 2222;
	s.connect_timeout_s = 20;
	s.entra = s.mux = s.bare = true;
	fleet_add_in(&fleet, "lin", "g", FLEET_GUID, "S", "Linux", "tagged");
	fleet_add_in(&fleet, "win", "g", FLEET_GUID, "S", "windows", "tagged.user");
	fleet_add_in(&fleet, "old", "g", FLEET_GUID, "S", "", "");
	ok(write_fleet(&s) == 0 && blocks() == 3, "everything: %s", e.cause);
	ok(has("v1: arc-relay config?Host *?[31m m??ll\n"), "a comment has one line");
	ok(has("    ProxyCommand '/opt/a b/100%%/arc-relay-proxy' '--cloud' "
	    "'100%% b' -p %p --deadline 15 -- '" ID("g", "lin") "'\n"),
	    "ProxyCommand, with each %% twice");
	ok(has("-- '" ID("g", "win") "'\n    UserKnown"), "the other's");
	ok(has("    User tagged.user\n    IdentityFile \"/home/m\xc3\xbcll er/50%%\"\n"
	    "    IdentitiesOnly yes\n    Port 2222\n"), "user of a tag, identity, port");
	ok(has("    User CONTOSO\\me\n"), "the user where the tag is empty");
	ok(!has("User tagged\n"), "none where the certificate says it");
	ok(has("    ControlMaster auto\n    ControlPath ~/.ssh/cm-%C\n"
	    "    ControlPersist 10m\n"), "mux");
	ok(has("\nMatch originalhost lin.arc,lin.g.arc,lin.g.s.arc,lin "
	    "exec \"'/opt/a b/100%%/arc-relay' cert ensure --quiet '--cloud' "
	    "'100%% b'\"\n"
	    "    Include \"/home/me/.local/state/arc-relay/cert.conf\"\n"),
	    "a certificate for the Linux machine only");
	ok(strstr(notes, "1 win: ") != NULL && strstr(notes, "1 old: ") != NULL &&
	    strstr(notes, "lin") == NULL, "the others are told");

	s.wildcard = true;
	s.identity_file = NULL;
	ok(write_fleet(&s) == 0 && blocks() == 4, "with the wildcard");
	ok(has("\nHost *.arc \"!*'*\" \"!*!*\"\n    HostName %h\n    Port 2222\n    ProxyCommand "
	    "'/opt/a b/100%%/arc-relay-proxy' '--cloud' '100%% b' -p %p "
	    "--deadline 15 -- '%h'\n"), "its block");
	ok(has("\nMatch originalhost *.arc,lin exec"), "its certificate");
	ok(has("User tagged.user\n    IdentitiesOnly no\n"), "not for Windows");
	machines_free(&fleet);
}

static bool
is_web01(void *arg, const char *name)
{
	(void)arg;
	return (strcmp(name, "WEB01") == 0);
}

static void
taken(void)
{
	struct sshconf s = plain;

	s.bare = true;
	s.is_taken = is_web01;
	fleet_add(&fleet, "WEB01", "g");
	fleet_add(&fleet, "web02", "g");
	ok(write_fleet(&s) == 0 && has("Host web01.arc WEB01.arc web01.g.arc "
	    "WEB01.g.arc web01.g.contoso.arc WEB01.g.Contoso.arc\n"),
	    "a bare name that means something else, in neither spelling");
	ok(has("web02.g.Contoso.arc web02\n"), "the other one");
	ok(strncmp(notes, "2 WEB01: ", 9) == 0, "and it is told");
	machines_free(&fleet);
}

/* A Match holds so many names as a line may. */
static void
many_names(void)
{
	struct sshconf s = plain;
	const char *line, *end;
	char name[32];
	int i, matches = 0;
	bool fits = true;

	s.entra = true;
	for (i = 0; i < 300; i++) {
		(void)snprintf(name, sizeof(name), "web%03d", i);
		fleet_add(&fleet, name, "group");
	}
	ok(write_fleet(&s) == 0 && blocks() == 300, "300 machines: %s", e.cause);
	for (line = text.data; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		fits = fits && end - line <= SSHCONF_LINE_MAX;
		matches += strncmp(line, "Match ", 6) == 0;
	}
	ok(fits, "no line is too long");
	ok(matches > 20 && matches < 40, "%d Matches", matches);
	machines_free(&fleet);
}

/* --- somebody else's choice --- */

/* The text from one good machine's Host to what comes after it. */
static char *
block_of(const char *host)
{
	const char *at = text.data != NULL ? strstr(text.data, host) : NULL, *end;

	if (at == NULL || (end = strstr(at, "ServerAliveCountMax 4\n")) == NULL)
		return (NULL);
	return (strndup(at, (size_t)(end - at)));
}

static void
add_good(void)
{
	fleet_add_in(&fleet, "good", "prod", FLEET_GUID, "Contoso", "linux", "me");
	fleet_add_in(&fleet, "zulu", "prod", FLEET_GUID, "Contoso", "windows", "me");
}

/* The good machines' blocks are what they are without neighbours. */
static void
unchanged(const struct sshconf *s, const char *good, const char *zulu,
    const char *what, size_t i)
{
	char *a, *b;
	int rc = write_fleet(s), n = rc == 0 ? blocks() : -1;

	a = block_of("Host good.arc ");
	b = block_of("Host zulu.arc ");
	ok(rc == 0 && a != NULL && b != NULL && strcmp(a, good) == 0 &&
	    strcmp(b, zulu) == 0, "the others are as ever: %s %zu", what, i);
	ok(n >= 3 && n <= 4, "and it is read back: %s %zu: %s", what, i, e.cause);
	free(a);
	free(b);
	machines_free(&fleet);
}

static void
hostile(void)
{
	char *longest = malloc(10001), *good, *zulu;
	struct sshconf s = plain;
	size_t i;

	memset(longest, 'a', 10000);
	longest[10000] = '\0';
	s.user_tag = "user";
	s.entra = s.bare = s.wildcard = true;
	add_good();
	ok(write_fleet(&s) == 0 && blocks() == 3, "two good machines");
	good = block_of("Host good.arc ");
	zulu = block_of("Host zulu.arc ");
	machines_free(&fleet);
	for (i = 0; i <= FLEET_NHOSTILE; i++) {
		const char *bad = i < FLEET_NHOSTILE ? fleet_hostile[i] : longest;

		add_good();
		fleet_add_in(&fleet, bad, "prod", FLEET_GUID, "C", "linux", NULL);
		unchanged(&s, good, zulu, "name", i);
		add_good();
		fleet_add_in(&fleet, "m", bad, FLEET_GUID, "C", "linux", NULL);
		unchanged(&s, good, zulu, "group", i);
		add_good();
		fleet_add_in(&fleet, "m", "x", bad, "C", "linux", NULL);
		unchanged(&s, good, zulu, "subscription", i);
		add_good();
		fleet_add_in(&fleet, "m", "x", FLEET_GUID, bad, "linux", NULL);
		unchanged(&s, good, zulu, "its name", i);
		add_good();
		fleet_add_in(&fleet, "m", "x", FLEET_GUID, "C", bad, NULL);
		unchanged(&s, good, zulu, "system", i);
		add_good();
		fleet_add_in(&fleet, "m", "x", FLEET_GUID, "C", "windows", bad);
		unchanged(&s, good, zulu, "user", i);
	}
	free(longest);
	free(good);
	free(zulu);
}

/* A user is taken as it is, or the machine is left out. */
static void
users(void)
{
	static const char *const good[] = { "a", "azureuser", "a.b", "a-b", "A_1",
	    "me@contoso.com", "CONTOSO\\me", "contoso.com\\a.b", "a+b" };
	static const char *const bad[] = { "-a", "x_y.com#EXT#@z.example", "a\\", "\\a", "a\\\\b", "a\\b\\c",
	    "a\\-b", "a b", "me;", "#a", "a=b", "%u", "none\nPort 1", "\"a\"" };
	struct sshconf s = plain;
	char line[100];
	size_t i;

	s.user_tag = "USER";
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		fleet_add_in(&fleet, "m", "g", FLEET_GUID, "S", "linux", good[i]);
		(void)snprintf(line, sizeof(line), "\n    User %s\n", good[i]);
		ok(write_fleet(&s) == 0 && has(line) && blocks() == 1,
		    "user %s", good[i]);
		machines_free(&fleet);
		s.user = good[i];
		ok(sshconf_check(&s, &e) == 0, "also for all");
		s.user = NULL;
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		fleet_add_in(&fleet, "m", "g", FLEET_GUID, "S", "linux", bad[i]);
		ok(write_fleet(&s) == 0 && blocks() == 0 &&
		    strncmp(notes, "0 m: ", 5) == 0, "no user %zu", i);
		machines_free(&fleet);
		s.user = bad[i];
		ok(sshconf_check(&s, &e) == -1 && e.status == EX_USAGE &&
		    e.fix[0] != '\0', "nor for all");
		s.user = NULL;
	}
}

/* --- settings --- */

static void
refused(const struct sshconf *s, const char *what)
{
	ok(sshconf_check(s, &e) == -1 && e.status == EX_USAGE && write_fleet(s) == -1 &&
	    text.len == 0, "refused: %s: %.100s", what, e.cause);
}

static void
paths(void)
{
	static const char *const bad[] = { "", "arc-relay", "~/x", "/a'b", "/a\"b",
	    "/a\\b", "/a!b", "/a\nb", "/a\rb", "/a\x7f", "/a#b", "/a #b", "/$HOME", "/a`b`", "/\x1b" };
	const char *args[] = { "a'b", NULL };
	struct sshconf s;
	char *longest;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		s = plain;
		s.proxy = bad[i];
		refused(&s, "proxy");
		s = plain;
		s.tool = bad[i];
		refused(&s, "tool");
		s = plain;
		s.known_hosts = bad[i];
		refused(&s, "known hosts");
		s = plain;
		s.identity_file = bad[i];
		refused(&s, "identity");
		s = plain;
		s.cert_conf = bad[i];
		ok(sshconf_check(&s, &e) == 0, "not read without entra");
		s.entra = true;
		refused(&s, "cert_conf");
	}
	s = plain;
	s.proxy_args = args;
	refused(&s, "an argument");
	s = plain;
	s.cert_args = args;
	refused(&s, "an argument of cert ensure");
	s = plain;
	s.known_hosts = "/home/100%/x";
	refused(&s, "a token for known hosts");
	s = plain;
	s.entra = true;
	s.cert_conf = "/home/[x]/cert.conf";
	refused(&s, "a glob");

	longest = malloc(2000);
	memset(longest, '/', 1999);
	longest[1999] = '\0';
	s = plain;
	s.proxy = longest;
	refused(&s, "a long path");
	longest[460] = '\0';
	s = plain;
	s.entra = true;
	s.tool = longest;
	refused(&s, "a path too long for a Match");
	longest[400] = '\0';
	ok(sshconf_check(&s, &e) == 0, "a shorter one: %s", e.cause);
	free(longest);
}

static void
numbers(void)
{
	static const int ports[] = { 0, -1, 65536 }, times[] = { 5, 0, -1, 86401 };
	struct sshconf s;
	size_t i;

	for (i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
		s = plain;
		s.port = ports[i];
		refused(&s, "port");
	}
	for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		s = plain;
		s.connect_timeout_s = times[i];
		refused(&s, "timeout");
	}
}

/* A machine whose block would have a line that old ssh cannot read. */
static void
long_line(void)
{
	char group[200], path[800];
	struct sshconf s = plain;

	memset(group, 'g', sizeof(group));
	group[90] = '\0';
	memset(path, 'p', sizeof(path));
	path[0] = '/';
	path[780] = '\0';
	s.proxy = path;
	fleet_add(&fleet, "short", "g");
	fleet_add(&fleet, "other", group);
	ok(write_fleet(&s) == 0 && has("Host short.arc") && !has("other") &&
	    strncmp(notes, "0 other: ", 9) == 0 && blocks() == 1,
	    "left out alone");
	machines_free(&fleet);
}

/* --- reading back --- */

/* What was written, with the first from replaced by to. */
static void
spoil(const char *from, const char *to)
{
	size_t size = text.len + strlen(to) + 1;
	char *at = strstr(text.data, from), *other = malloc(size);
	int n = 0;

	if (!ok(at != NULL, "there is something to spoil"))
		return;
	(void)snprintf(other, size, "%.*s%s%s", (int)(at - text.data), text.data,
	    to, at + strlen(from));
	ok(sshconf_read(other, strlen(other), count_block, &n, &e) == -1 &&
	    e.status == EX_DATAERR, "refused: %s", e.cause);
	free(other);
}

/* Is what was written still read with this line at a place of it? */
static bool
takes_line(size_t place, const char *line)
{
	size_t size = text.len + strlen(line) + 1;
	char *other = malloc(size);
	int n = 0, rc;

	(void)snprintf(other, size, "%.*s%s%s", (int)place, text.data, line,
	    text.data + place);
	rc = sshconf_read(other, strlen(other), count_block, &n, &e);
	free(other);
	return (rc == 0);
}

static void
reading(void)
{
#define NLINES	9
	static const char *const lines[NLINES] = { "    ProxyCommand x\n", "Host *\n",
	    "    PermitLocalCommand yes\n", "Include /etc/x\n", "\n", "# x\n",
	    "    User a b\n", "Match all\n", "    \n" };
	struct sshconf s = plain;
	size_t i, k;
	int n;

	s.entra = s.bare = s.wildcard = true;
	s.port = 2222;
	s.user = "me";
	s.identity_file = "/home/me/id";
	fleet_add(&fleet, "web", "prod");
	fleet_add_in(&fleet, "win", "prod", FLEET_GUID, "S", "windows", NULL);
	ok(write_fleet(&s) == 0 && blocks() == 3, "to be spoilt: %s", e.cause);
	n = 0;
	for (i = 0; i < text.len; i++)
		for (k = 0; text.data[i] == '\n' && k < NLINES; k++)
			if (takes_line(i + 1, lines[k]))
				ok(false, "taken at byte %zu: %s", i, lines[k]);
	for (i = 0; i < text.len; i++)
		if (sshconf_read(text.data, i, count_block, &n, &e) == 0)
			ok(false, "taken, but cut after %zu bytes", i);
	ok(true, "no line can be added, and no end taken away");
	spoil("Host web.arc", "Host win.arc");
	spoil("Host web.arc", "Host *.arc");
	spoil("Host web.arc", "Host github.com");
	spoil("Host web.arc", "Host web.arc  x");
	spoil("Host web.arc", "Host -web.arc");
	spoil(" web\n", " WIN\n");
	spoil("HostName web.arc", "HostName web.prod.arc");
	spoil("HostKeyAlias arc-", "HostKeyAlias arc-0");
	spoil("machines/web'", "machines/web2'");
	spoil("machines/web'", "machines/web' x");
	spoil("machines/web'", "machines/web");
	spoil("/machines/web'", "'");
	spoil("/usr/bin/arc-relay-proxy", "arc-relay-proxy");
	spoil("/usr/bin/arc-relay-proxy", "/usr/bin/%h");
	spoil("/usr/bin/arc-relay-proxy'", "/usr/bin/x'; '/usr/bin/x'");
	spoil("-p %p", "-p 22");
	spoil("--deadline 115", "--deadline 116");
	spoil("ConnectTimeout 120", "ConnectTimeout 0120");
	spoil("Port 2222", "Port 65536");
	spoil("User me", "User -me");
	spoil("User me", "User m\te");
	spoil("IdentityFile \"/home/me/id\"", "IdentityFile \"id\"");
	spoil("IdentityFile \"/home/me/id\"", "IdentityFile \"/%d\"");
	spoil("\"!*'*\" ", "");
	spoil("'%h'", "%h");
	spoil("'%h'", "'%n'");
	spoil("    HostName %h\n", "");
	spoil("Match originalhost *.arc", "Match originalhost *");
	spoil(",web exec", ",github.com exec");
	spoil("cert ensure --quiet", "cert ensure");
	spoil("cert ensure --quiet", "cert ensure --quiet '--cloud' x");
	spoil("cert ensure --quiet", "cert ensure --quiet '; evil");
	spoil("cert ensure --quiet", "cert ensure --quiet '%h'");
	spoil("Include \"", "Include \"~");
	machines_free(&fleet);
}

int
main(void)
{
	whole_block();
	everything();
	taken();
	many_names();
	hostile();
	users();
	paths();
	numbers();
	long_line();
	reading();
	secret_free(&text);
	return (done_testing());
}
