/*
 * Machines of any names as ssh_config: what is written is read here by OpenSSH's
 * rules, old and new, and each host that a machine could be called leads to that
 * machine or to none; other hosts are never matched.
 *
 * Input: a byte of settings, then fields that end with NUL, six a machine: name,
 * group, subscription ("" and "2" stand for GUIDs), its name, system, user.
 */
#include <assert.h>
#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <strings.h>

#include "auth/arc.h"
#include "proxy/aliases.h"
#include "proxy/sshconf.h"
#include "proxy/sshconf_read.h"
#include "relay/err.h"
#include "relay/secret.h"
#include "test/unit/fleet.h"

#define MACHINES_MAX	8
#define WORDS_MAX	64
#define LINE_MAX_OLD	1022	/* of ssh before 7.8, without the newline */

enum { MUX = 1, ENTRA = 2, BARE = 4, WILDCARD = 8, USER = 16, IDENTITY = 32, PORT = 64, ODD_PATHS = 128 };

/* --- as ssh reads words --- */

struct words {
	char	 text[2 * LINE_MAX_OLD];
	char	*at[WORDS_MAX];
	size_t	 n;
};

static void
put_word(struct words *w, char *start)
{
	assert(w->n < WORDS_MAX);
	w->at[w->n++] = start;
}

/* Before 8.7: a word ends at white space or one '=', or is between double quotes. */
static void
split_old(const char *line, struct words *w)
{
	char *to = w->text;

	w->n = 0;
	while (*(line += strspn(line, " \t\r\n")) != '\0') {
		size_t len;

		put_word(w, to);
		if (*line == '"') {
			len = strcspn(++line, "\"");
			assert(line[len] == '"');
		} else
			len = strcspn(line, " \t\r\n\"=");
		to = mempcpy(to, line, len);
		*to++ = '\0';
		line += len;
		assert(*line == '\0' || strchr(" \"", *line) != NULL);
		if (*line == '"')
			line++;
	}
}

/* From 8.7 on: quotes of both kinds, a backslash before some, a comment's '#'. */
static void
split_new(const char *line, struct words *w)
{
	char *to = w->text, quote = '\0';

	for (w->n = 0; *line != '\0';) {
		if (*line == ' ' || *line == '\t') {
			line++;
			continue;
		}
		if (*line == '#')
			return;
		for (put_word(w, to); *line != '\0'; line++) {
			if (*line == '\\' && (strchr("'\"\\", line[1]) != NULL ||
			    (quote == '\0' && line[1] == ' ')))
				*to++ = *++line;
			else if (quote == '\0' && (*line == ' ' || *line == '\t'))
				break;
			else if (quote == '\0' && (*line == '"' || *line == '\''))
				quote = *line;
			else if (quote != '\0' && *line == quote)
				quote = '\0';
			else
				*to++ = *line;
		}
		assert(quote == '\0');
		*to++ = '\0';
	}
}

/* --- as ssh matches --- */

static bool
matches(const char *pattern, const char *s)
{
	for (; *pattern != '\0'; pattern++, s++) {
		if (*pattern == '*') {
			do {
				if (matches(pattern + 1, s))
					return (true);
			} while (*s++ != '\0');
			return (false);
		}
		if (*s == '\0' || (*pattern != '?' && *pattern != *s))
			return (false);
	}
	return (*s == '\0');
}

/* The words of Host: one has to match, and none with a '!' may. */
static bool
is_for(const struct words *w, const char *host)
{
	bool found = false;
	size_t i;

	for (i = 1; i < w->n; i++) {
		bool not = w->at[i][0] == '!';

		if (matches(w->at[i] + not, host)) {
			if (not)
				return (false);
			found = true;
		}
	}
	return (found);
}

/* The list of Match originalhost, in lower case both. */
static bool
is_in_list(char *list, const char *host)
{
	char lower[512], *word, *p;
	size_t i;

	for (i = 0; host[i] != '\0' && i + 1 < sizeof(lower); i++)
		lower[i] = (char)tolower((unsigned char)host[i]);
	lower[i] = '\0';
	for (p = list; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	while ((word = strsep(&list, ",")) != NULL) {
		assert(word[0] != '!');
		if (matches(word, lower))
			return (true);
	}
	return (false);
}

/* What ssh would know about a host.  The first value counts. */
struct known {
	char	hostname[512], key[64], command[LINE_MAX_OLD + 1], user[256];
	bool	any;		/* a block was for it */
	bool	cert;		/* a Match was */
};

static void
first(char *to, size_t size, const char *value)
{
	assert(strlen(value) < size);
	if (to[0] == '\0')
		(void)snprintf(to, size, "%s", value);
}

/* A command's words after ssh and sh: single quotes, and nothing else of theirs. */
static void
split_command(const char *text, struct words *w)
{
	char *to = w->text;

	for (w->n = 0; *text != '\0'; text += *text == ' ') {
		bool quoted = *text == '\'';

		put_word(w, to);
		for (text += quoted; quoted ? *text != '\'' :
		    *text != ' ' && *text != '\0'; text++) {
			assert((unsigned char)*text >= 0x20 && *text != 0x7f &&
			    strchr("\\!'\"", *text) == NULL);
			assert(quoted || isalnum((unsigned char)*text) ||
			    strchr("-/._%", *text) != NULL);
			if (*text == '%' && text[1] == '%')
				text++;
			else if (*text == '%')	/* a token, and shown as such */
				assert(text[1] == 'p' || text[1] == 'h');
			*to++ = *text;
		}
		*to++ = '\0';
		text += quoted;
		assert(*text == ' ' || *text == '\0');
	}
}

static void
must_be_ensure(const char *exec, const struct sshconf *s)
{
	struct words w;

	split_command(exec, &w);
	assert(w.n == 4 && strcmp(w.at[0], s->tool) == 0 &&
	    strcmp(w.at[1], "cert") == 0 && strcmp(w.at[2], "ensure") == 0 &&
	    strcmp(w.at[3], "--quiet") == 0);
}

/* One line; active: are we in a block for the host? */
static void
read_line(const struct sshconf *s, const char *line, const char *host, bool *active,
    struct known *k)
{
	static const char *const others[] = { "Port", "IdentityFile",
	    "IdentitiesOnly", "UserKnownHostsFile", "ConnectTimeout",
	    "ServerAliveInterval", "ServerAliveCountMax", "ControlMaster",
	    "ControlPath", "ControlPersist", "Include" };
	struct words w, old;
	size_t i;

	if ((line += strspn(line, " "))[0] == '#')
		return;
	assert(strchr(line, '#') == NULL);	/* a comment to 8.5 and 8.6 */
	if (strncmp(line, "ProxyCommand ", 13) == 0) {	/* as it is */
		if (*active)
			first(k->command, sizeof(k->command), line + 13);
		return;
	}
	split_old(line, &old);
	split_new(line, &w);
	assert(w.n == old.n && w.n >= 2);
	for (i = 0; i < w.n; i++)
		assert(strcmp(w.at[i], old.at[i]) == 0);
	if (strcmp(w.at[0], "Host") == 0) {
		*active = is_for(&w, host);
		k->any = k->any || *active;
	} else if (strcmp(w.at[0], "Match") == 0) {
		assert(w.n == 5 && strcmp(w.at[1], "originalhost") == 0 &&
		    strcmp(w.at[3], "exec") == 0);
		must_be_ensure(w.at[4], s);
		*active = is_in_list(w.at[2], host);
		k->cert = k->cert || *active;
	} else {
		assert(w.n == 2);
		for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
			if (strcmp(w.at[0], others[i]) == 0)
				return;
		assert(strcmp(w.at[0], "HostName") == 0 ||
		    strcmp(w.at[0], "HostKeyAlias") == 0 ||
		    strcmp(w.at[0], "User") == 0);
		if (!*active)
			return;
		if (w.at[0][0] == 'U')
			first(k->user, sizeof(k->user), w.at[1]);
		else if (w.at[0][4] == 'N')
			first(k->hostname, sizeof(k->hostname), w.at[1]);
		else
			first(k->key, sizeof(k->key), w.at[1]);
	}
}

static struct known
ask(const struct sshconf *s, const struct secret *text, const char *host)
{
	struct known k = { .any = false };
	char line[LINE_MAX_OLD + 1];
	const char *at, *end;
	bool active = false;

	for (at = text->data; (end = strchr(at, '\n')) != NULL; at = end + 1) {
		assert(end - at <= LINE_MAX_OLD);
		(void)snprintf(line, sizeof(line), "%.*s", (int)(end - at), at);
		read_line(s, line, host, &active, &k);
	}
	assert(*at == '\0');
	return (k);
}

/* --- what must hold --- */

/* The nth thing that a machine could be called; NULL: there are no more. */
static const char *
called(const struct machine *m, int n, bool bare)
{
	static char name[16384];
	int form = n / 2;
	size_t i;

	if (form > 4 || (form == 4 && !bare))
		return (NULL);
	(void)snprintf(name, sizeof(name), "%.3000s%s%.3000s%s%.3000s%s", m->name,
	    form == 0 || form == 4 ? "" : ".",
	    form == 0 || form == 4 ? "" : m->group,
	    form == 2 || form == 3 ? "." : "",
	    form == 2 ? m->subscription_name : form == 3 ? m->subscription : "",
	    form == 4 ? "" : ".arc");
	for (i = 0; n % 2 == 0 && name[i] != '\0'; i++)
		name[i] = (char)tolower((unsigned char)name[i]);
	return (name);
}

static bool
could_be_called(const struct machine *m, const char *host, bool bare)
{
	struct err e = ERR_INIT;
	struct arc_id id;
	const char *name;
	int n;

	if (arc_id_parse(m->id, &id, &e) == -1)
		return (false);
	for (n = 0; (name = called(m, n, bare)) != NULL; n++)
		if (strcasecmp(name, host) == 0)
			return (true);
	return (false);
}

/* Where a host leads is the one machine that could be called so, or nowhere. */
static const struct machine *
must_lead_right(const struct sshconf *s, const struct machines *l,
    const struct secret *text, const char *host)
{
	struct known k = ask(s, text, host);
	const struct machine *to = NULL;
	char key[ALIAS_KEY_MAX + 1];
	struct words w;
	size_t i;

	if (k.command[0] == '\0') {
		assert(!k.any && k.hostname[0] == '\0' && k.key[0] == '\0');
		return (NULL);
	}
	split_command(k.command, &w);
	assert(w.n == 9 && strcmp(w.at[0], s->proxy) == 0 &&
	    strcmp(w.at[1], s->proxy_args[0]) == 0 &&
	    strcmp(w.at[2], s->proxy_args[1]) == 0 && strcmp(w.at[3], "-p") == 0 &&
	    strcmp(w.at[4], "%p") == 0 && strcmp(w.at[5], "--deadline") == 0 &&
	    strcmp(w.at[6], "115") == 0 && strcmp(w.at[7], "--") == 0);
	if (strcmp(w.at[8], "%h") == 0) {
		assert(s->wildcard && k.key[0] == '\0' && strchr(host, '\'') == NULL &&
		    strchr(host, '!') == NULL);
		return (NULL);
	}
	for (i = 0; i < l->n; i++)
		if (could_be_called(&l->at[i], host, s->bare) && (i == 0 ||
		    strcasecmp(l->at[i - 1].id, l->at[i].id) != 0)) {
			assert(to == NULL);
			to = &l->at[i];
		}
	assert(to != NULL && strcasecmp(w.at[8], to->id) == 0);
	alias_key(to->id, key);
	assert(strcmp(k.key, key) == 0 && strlen(k.hostname) > 0);
	assert(k.cert == (s->entra && strcasecmp(to->os, "linux") == 0) || s->wildcard);
	return (to);
}

struct told {
	const struct machine *left_out[MACHINES_MAX];
	size_t	n;
};

static void
note(void *arg, const struct machine *m, enum sshconf_note what, const char *why)
{
	struct told *t = arg;

	assert(why != NULL && why[0] != '\0');
	if (what == SSHCONF_LEFT_OUT)
		t->left_out[t->n++] = m;
}

/* Each machine that was not left out is reached by one of its names. */
static void
must_be_reached(const struct sshconf *s, const struct machines *l,
    const struct secret *text, const struct told *t)
{
	const char *name;
	size_t i, k;
	int n;

	for (i = 0; i < l->n; i++) {
		bool left_out = false, reached = false;

		for (k = 0; k < t->n; k++)
			left_out = left_out || t->left_out[k] == &l->at[i];
		for (n = 0; (name = called(&l->at[i], n, s->bare)) != NULL; n++) {
			char host[16384];

			(void)snprintf(host, sizeof(host), "%s", name);
			if (strchr(host, '\n') == NULL)
				reached = must_lead_right(s, l, text, host) ==
				    &l->at[i] || reached;
		}
		assert(left_out || reached);
	}
}

static int
count(void *arg, const struct sshconf_block *b, struct err *e)
{
	(void)b, (void)e;
	++*(size_t *)arg;
	return (0);
}

static void
check(const struct sshconf *s, const struct machines *l)
{
	static const char *const foreign[] = { "github.com", "web01", "localhost",
	    "10.0.0.1", "arc", "x.arc.example", "-oProxyCommand=x", "a b" };
	struct secret text = SECRET_INIT;
	struct told t = { .n = 0 };
	struct err e = ERR_INIT;
	size_t i, k, blocks = 0;

	assert(sshconf_write(s, l, &text, note, &t, &e) == 0);
	assert(sshconf_read(text.data, text.len, count, &blocks, &e) == 0);
	assert(blocks == l->n - t.n + s->wildcard);
	for (i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
		struct known known = ask(s, &text, foreign[i]);

		for (k = 0; k < l->n; k++)
			if (could_be_called(&l->at[k], foreign[i], s->bare))
				break;
		assert(k < l->n || (!known.any && !known.cert));
	}
	must_be_reached(s, l, &text, &t);
	secret_free(&text);
}

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t len)
{
	static const char *const args[] = { "--cloud", "a b%", NULL };
	char *text = malloc(len + 1), *field[6], *at, *end;
	struct machines l = MACHINES_INIT;
	uint8_t set = len > 0 ? in[0] : 0;
	bool odd = (set & ODD_PATHS) != 0;
	const struct sshconf s = {
		.proxy = odd ? "/opt/a =b/%h/;&" : "/usr/bin/arc-relay-proxy",
		.tool = odd ? "/opt/(a) %%/~" : "/usr/bin/arc-relay",
		.proxy_args = args, .known_hosts = "/home/m e/=k",
		.cert_conf = "/home/m e/cert.conf",
		.user = set & USER ? "me" : NULL, .user_tag = "user",
		.identity_file = set & IDENTITY ? "/home/%/~id" : NULL,
		.port = set & PORT ? 2222 : 22, .connect_timeout_s = 120,
		.entra = (set & ENTRA) != 0, .mux = (set & MUX) != 0,
		.bare = (set & BARE) != 0, .wildcard = (set & WILDCARD) != 0,
	};
	size_t n = 0;

	memcpy(text, in, len);
	text[len] = '\0';
	for (at = text + 1, end = text + len; at < end && l.n < MACHINES_MAX;
	    at += strlen(at) + 1) {
		field[n++] = at;
		if (n < 6)
			continue;
		n = 0;
		fleet_add_in(&l, field[0], field[1], field[2][0] == '\0' ?
		    FLEET_GUID : strcmp(field[2], "2") == 0 ? FLEET_OTHER :
		    field[2], field[3], field[4], field[5]);
	}
	machines_sort(&l);
	check(&s, &l);
	machines_free(&l);
	free(text);
	return (0);
}
