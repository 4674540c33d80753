/*
 * Machines as ssh_config(5), see sshconf.h.
 *
 * What stands between single quotes goes through ssh to the user's shell, whichever
 * that is, and what stands between double quotes is read by ssh alone.  Nothing that
 * could end either, or that any of sh, csh and fish reads in them, gets so far.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "auth/arc.h"
#include "auth/machines.h"
#include "auth/sshuser.h"
#include "auth/text.h"
#include "proxy/aliases.h"
#include "proxy/sshconf.h"
#include "relay/err.h"
#include "relay/log.h"
#include "relay/secret.h"

#define LINES_MAX	24	/* of a block */
#define NAMES_MAX	500	/* bytes of all names of a Match; more than ALIAS_MAX */
#define HEADROOM_S	5	/* for ssh to print our reason before it gives up */

/* A block that is being written: it is taken as a whole, or not at all. */
struct block {
	const struct sshconf *s;
	char	text[LINES_MAX * (SSHCONF_LINE_MAX + 1)];
	size_t	len;
	bool	is_cut;
};

/* --- what may be written --- */

static int
check_text(const char *what, const char *text, const char *also, struct err *e)
{
	const char *p;

	for (p = text; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f ||
		    strchr("'\"`\\!$#", *p) != NULL || strchr(also, *p) != NULL) {
			err_set(e, EX_USAGE, "", "%s cannot be quoted for ssh "
			    "and every shell: %s", what, text);
			return (err_fix(e, "choose one without any of "
			    "' \" ` \\ ! $ # %s", also));
		}
	return (0);
}

/* also: what else may not be in it, because ssh reads it. */
static int
check_path(const char *what, const char *path, const char *also, struct err *e)
{
	if (path == NULL || path[0] != '/')
		return (err_set(e, EX_USAGE, "", "%s is not an absolute path: "
		    "%s", what, path != NULL ? path : ""));
	return (check_text(what, path, also, e));
}

/*
 * USER or DOMAIN\USER: ssh keeps one backslash before a letter as it is.  OpenSSH 8.5
 * and 8.6 take any '#' for the beginning of a comment.
 */
bool
sshconf_is_user(const char *name)
{
	const char *backslash = strchr(name, '\\');
	char domain[SSHUSER_MAX + 1];

	if (strlen(name) > SSHUSER_MAX || strchr(name, '#') != NULL)
		return (false);
	if (backslash == NULL)
		return (sshuser_is_plain(name));
	(void)snprintf(domain, sizeof(domain), "%.*s", (int)(backslash - name),
	    name);
	return (sshuser_is_plain(domain) && sshuser_is_plain(backslash + 1));
}

static int
check_words(const struct sshconf *s, struct err *e)
{
	const char *const *arg;

	if (check_path("the path of arc-relay-proxy", s->proxy, "", e) == -1 ||
	    check_path("the path of arc-relay", s->tool, "", e) == -1 ||
	    /* OpenSSH expands % in it from 8.4 on, and did not before */
	    check_path("the path for known hosts", s->known_hosts, "%", e) == -1 ||
	    (s->identity_file != NULL && check_path("the path of the identity",
	    s->identity_file, "", e) == -1) ||
	    /* an Include is a glob */
	    (s->entra && check_path("the path of the certificate's settings",
	    s->cert_conf, "%*?[", e) == -1))
		return (-1);
	for (arg = s->proxy_args; arg != NULL && *arg != NULL; arg++)
		if (check_text("an argument of arc-relay-proxy", *arg, "", e) == -1)
			return (-1);
	for (arg = s->cert_args; arg != NULL && *arg != NULL; arg++)
		if (check_text("an argument of arc-relay", *arg, "", e) == -1)
			return (-1);
	if (s->user != NULL && !sshconf_is_user(s->user)) {
		err_set(e, EX_USAGE, "", "not a user for ssh_config: %s", s->user);
		return (err_fix(e, "letters, digits and ._@+-, at most %d of them",
		    SSHUSER_MAX));
	}
	return (0);
}

static int
check_numbers(const struct sshconf *s, struct err *e)
{
	if (s->port < 1 || s->port > 65535)
		return (err_set(e, EX_USAGE, "", "%d is not a port: 1-65535",
		    s->port));
	if (s->connect_timeout_s <= HEADROOM_S || s->connect_timeout_s > 86400)
		return (err_set(e, EX_USAGE, "", "%d is not a timeout for ssh: "
		    "%d-86400 s", s->connect_timeout_s, HEADROOM_S + 1));
	return (0);
}

/* --- the pieces of a block --- */

static void __attribute__((format(printf, 2, 3)))
put(struct block *b, const char *fmt, ...)
{
	size_t left = sizeof(b->text) - b->len;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(b->text + b->len, left, fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < left)
		b->len += (size_t)n;
	else
		b->is_cut = true;
}

/* Between two quotes, and each % twice: it is no token then. */
static void
put_quoted(struct block *b, char quote, const char *text)
{
	size_t n = strcspn(text, "%");

	put(b, "%c%.*s", quote, (int)n, text);
	for (text += n; *text == '%'; text += n) {
		n = 1 + strcspn(text + 1, "%");
		put(b, "%%%.*s", (int)n, text);
	}
	put(b, "%c", quote);
}

static void
put_path(struct block *b, const char *keyword, const char *path)
{
	put(b, "    %s ", keyword);
	put_quoted(b, '"', path);
	put(b, "\n");
}

static void
put_port(struct block *b)
{
	if (b->s->port != 22)
		put(b, "    Port %d\n", b->s->port);
}

/* Each with a space before it; NULL: none. */
static void
put_words(struct block *b, const char *const *words)
{
	for (; words != NULL && *words != NULL; words++) {
		put(b, " ");
		put_quoted(b, '\'', *words);
	}
}

/* All but the last word of a ProxyCommand. */
static void
put_proxy(struct block *b)
{
	put(b, "    ProxyCommand ");
	put_quoted(b, '\'', b->s->proxy);
	put_words(b, b->s->proxy_args);
	put(b, " -p %%p --deadline %d -- ", b->s->connect_timeout_s - HEADROOM_S);
}

/* What all blocks have in common. */
static void
put_connection(struct block *b)
{
	put_path(b, "UserKnownHostsFile", b->s->known_hosts);
	put(b, "    ConnectTimeout %d\n"
	    "    ServerAliveInterval 30\n"
	    "    ServerAliveCountMax 4\n", b->s->connect_timeout_s);
	if (b->s->mux)
		put(b, "    ControlMaster auto\n"
		    "    ControlPath ~/.ssh/cm-%%C\n"
		    "    ControlPersist 10m\n");
}

static void
put_login(struct block *b, const char *user)
{
	if (user != NULL)
		put(b, "    User %s\n", user);
	if (b->s->identity_file != NULL) {
		put_path(b, "IdentityFile", b->s->identity_file);
		put(b, "    IdentitiesOnly yes\n");
	} else if (b->s->entra && b->s->wildcard)
		/* the first word counts, and cert_conf will say yes */
		put(b, "    IdentitiesOnly no\n");
}

/* How a Match of many hosts ends: a certificate, renewed before it is used. */
static void
put_match_end(struct block *b)
{
	put(b, " exec \"");
	put_quoted(b, '\'', b->s->tool);
	put(b, " cert ensure --quiet");
	put_words(b, b->s->cert_args);
	put(b, "\"\n");
	put_path(b, "Include", b->s->cert_conf);
}

/* Is there a line that an old ssh cannot read? */
static bool
is_too_long(const struct block *b)
{
	const char *line, *end;

	for (line = b->text; (end = strchr(line, '\n')) != NULL; line = end + 1)
		if (end - line > SSHCONF_LINE_MAX)
			return (true);
	return (b->is_cut);
}

/*
 * For names that are not listed; %h is what was typed, in lower case, and HostName
 * keeps it so.  (%n in a ProxyCommand is for OpenSSH from 8.1 on.)
 *
 * ssh before 9.6 takes any host name: the two characters that could leave the quotes
 * are kept out here, and arc-relay-proxy looks at the rest.  A line break, which
 * leaves them in csh, no pattern can keep out: sshconf_try.h does.
 */
static void
put_wildcard(struct block *b)
{
	put(b, "Host *.arc \"!*'*\" \"!*!*\"\n"
	    "    HostName %%h\n");
	if (!b->s->entra)
		put_login(b, b->s->user);
	put_port(b);
	put_proxy(b);
	put(b, "'%%h'\n");
	put_connection(b);
}

int
sshconf_check(const struct sshconf *s, struct err *e)
{
	struct block b = { .s = s };	/* the longest lines there can be, but for ids */

	if (check_words(s, e) == -1 || check_numbers(s, e) == -1)
		return (-1);
	put_wildcard(&b);
	if (s->entra) {
		put(&b, "Match originalhost %0*d", NAMES_MAX, 0);
		put_match_end(&b);
	}
	if (is_too_long(&b))
		return (err_set(e, EX_USAGE, "", "paths and arguments too long "
		    "for a line of ssh_config: %d bytes", SSHCONF_LINE_MAX));
	return (0);
}

/* --- a machine --- */

/* What is known when its block is written. */
struct entry {
	struct arc_id	 id;
	struct alias_set names;
	const char	*user;		/* NULL: not said */
	bool		 entra;
};

/* How many of the names, which come first, end in ".arc". */
static size_t
count_suffixed(const struct alias_set *names)
{
	size_t n = names->n;

	while (n > 0 && strchr(names->name[n - 1], '.') == NULL)
		n--;
	return (n);
}

static bool
is_bare_taken(const struct sshconf *s, const struct alias_set *names)
{
	size_t i;

	for (i = count_suffixed(names); s->is_taken != NULL && i < names->n; i++)
		if (s->is_taken(s->taken_arg, names->name[i]))
			return (true);
	return (false);
}

/* Who logs in.  Returns 0, or -1: the tag does not say a user. */
static int
find_user(const struct sshconf *s, const struct machine *m, const char **user)
{
	const char *tag = s->user_tag != NULL ? machine_tag(m, s->user_tag) : NULL;

	*user = tag != NULL && tag[0] != '\0' ? tag : s->user;
	return (*user == NULL || sshconf_is_user(*user) ? 0 : -1);
}

static void
put_machine(struct block *b, const struct entry *x)
{
	char key[ALIAS_KEY_MAX + 1];
	size_t i;

	alias_key(x->id.text, key);
	put(b, "Host");
	for (i = 0; i < x->names.n; i++)
		put(b, " %s", x->names.name[i]);
	put(b, "\n    HostName %s\n    HostKeyAlias %s\n", x->names.name[0], key);
	if (!x->entra)
		put_login(b, x->user);
	put_port(b);
	put_proxy(b);
	put_quoted(b, '\'', x->id.text);
	put(b, "\n");
	put_connection(b);
}

/* --- all of them --- */

/* One list on its way out. */
struct page {
	struct block	 b;
	struct block	 match;		/* the names of a Match, not ended yet */
	struct secret	 logins;	/* all others, for the end of the file */
	struct secret	*out;
	void		(*note)(void *arg, const struct machine *m,
			    enum sshconf_note what, const char *why);
	void		*arg;
};

static void
say(struct page *p, const struct machine *m, enum sshconf_note what,
    const char *why)
{
	if (p->note != NULL)
		p->note(p->arg, m, what, why);
}

/* Moves what is in the block to the end of out.  Returns 0, or -1: no memory. */
static int
flush(struct block *b, struct secret *out)
{
	size_t len = b->len;

	b->len = 0;
	return (text_append(out, b->text, len, SIZE_MAX - 1));
}

static int
end_match(struct page *p)
{
	if (p->match.len == 0)
		return (0);
	put_match_end(&p->match);
	return (flush(&p->match, &p->logins));
}

/*
 * Who has this name logs in with a certificate.  Many share one Match: ssh reads the
 * file behind each Include, also where the Match is for others.
 */
static int
match_name(struct page *p, const char *name)
{
	static const char start[] = "Match originalhost ";
	size_t most = strlen(start) + NAMES_MAX;

	if (p->match.len + strlen(",") + strlen(name) > most &&
	    end_match(p) == -1)
		return (-1);
	put(&p->match, "%s%s", p->match.len > 0 ? "," : start, name);
	return (0);
}

static bool
is_lower(const char *name)
{
	for (; *name != '\0'; name++)
		if (isupper((unsigned char)*name))
			return (false);
	return (true);
}

static int
match_machine(struct page *p, const struct alias_set *names)
{
	/* "*.arc" is matched already with the wildcard block */
	size_t i = p->b.s->wildcard ? count_suffixed(names) : 0;

	/* Match, unlike Host, makes lower case of what it compares */
	for (; i < names->n; i++)
		if (is_lower(names->name[i]) && match_name(p, names->name[i]) == -1)
			return (-1);
	return (0);
}

/* Fills the block, or leaves it empty and returns why. */
static const char *
fill(struct page *p, const struct machine *m, struct entry *x)
{
	struct err e = ERR_INIT;

	if (x->names.n == 0)
		return (x->names.why);
	if (arc_id_parse(m->id, &x->id, &e) == -1)
		return ("its resource id is none");
	if (find_user(p->b.s, m, &x->user) == -1)
		return ("its tag does not say a user");
	put_machine(&p->b, x);
	if (!is_too_long(&p->b))
		return (NULL);
	p->b.len = 0;
	p->b.is_cut = false;
	return ("it would need a line too long for ssh");
}

static int
write_machine(struct page *p, const struct machine *m,
    const struct alias_set *names)
{
	const struct sshconf *s = p->b.s;
	bool is_taken = is_bare_taken(s, names);
	struct entry x = { .names = *names };
	const char *why;

	if (is_taken)
		x.names.n = count_suffixed(names);
	x.entra = s->entra && strcasecmp(m->os, "linux") == 0;
	if ((why = fill(p, m, &x)) != NULL) {
		say(p, m, SSHCONF_LEFT_OUT, why);
		return (0);
	}
	if (is_taken)
		say(p, m, SSHCONF_NOT_BARE, "its name alone means something else");
	if (s->entra && !x.entra)
		say(p, m, SSHCONF_NO_ENTRA, "Entra logins are for Linux machines");
	if (x.entra && match_machine(p, &x.names) == -1)
		return (-1);
	return (flush(&p->b, p->out));
}

static void
put_begin(struct block *b)
{
	char by[SSHCONF_MADE_BY_MAX + 1];

	(void)snprintf(by, sizeof(by), "%s", b->s->made_by != NULL ?
	    b->s->made_by : "arc-relay config");
	log_clean(by);
	put(b, SSHCONF_FIRST ": %s\n", by);
	put(b, "# Changes here are lost: it is written anew as a whole.\n");
}

static int
write_all(struct page *p, const struct machines *l, const struct alias_set *sets)
{
	const struct sshconf *s = p->b.s;
	size_t i;

	put_begin(&p->b);
	if (flush(&p->b, p->out) == -1 ||
	    (s->entra && s->wildcard && match_name(p, "*.arc") == -1))
		return (-1);
	for (i = 0; i < l->n; i++)
		if (write_machine(p, &l->at[i], &sets[i]) == -1)
			return (-1);
	if (s->wildcard)
		put_wildcard(&p->b);
	if (flush(&p->b, p->out) == -1 || end_match(p) == -1 ||
	    text_append(p->out, p->logins.data, p->logins.len, SIZE_MAX - 1) == -1)
		return (-1);
	put(&p->b, "# <<< arc-relay end\n");
	return (flush(&p->b, p->out));
}

int
sshconf_write(const struct sshconf *s, const struct machines *l,
    struct secret *out, void (*note)(void *arg, const struct machine *m,
    enum sshconf_note what, const char *why), void *arg, struct err *e)
{
	struct page p = { .b.s = s, .match.s = s, .logins = SECRET_INIT,
	    .out = out, .note = note, .arg = arg };
	struct alias_set *sets;
	int rc = -1;

	if (sshconf_check(s, e) == -1)
		return (-1);
	if ((sets = aliases_make(l, s->bare)) == NULL ||
	    (rc = write_all(&p, l, sets)) == -1)
		err_set(e, EX_OSERR, "", "out of memory");
	secret_free(&p.logins);
	free(sets);
	return (rc);
}
