/*
 * Reads back what sshconf_write wrote, see sshconf_read.h.  A copy of the text is
 * cut into lines and words, and gone through once; the aliases are sorted at the end.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "auth/arc.h"
#include "auth/text.h"
#include "proxy/aliases.h"
#include "proxy/sshconf_read.h"
#include "relay/err.h"

#define LINE_MAX	1000
#define HEADROOM_S	5	/* what the deadline is below ConnectTimeout */

/* An alias, and the line of its Host. */
struct name {
	const char	*text;
	int		 line;
};

struct reader {
	char		*at;		/* the line, and behind its NUL the next */
	const char	*end;
	int		 line;		/* its number */
	struct name	*names;
	size_t		 nnames;
	size_t		 room;
	bool		 has_wildcard;
	char		 words[LINE_MAX + 1];	/* of a ProxyCommand */
	struct err	*e;
};

static int
refuse(const struct reader *r, const char *why)
{
	return (err_set(r->e, EX_DATAERR, "", "the ssh_config that was written is "
	    "not as it should be, near line %d: %s", r->line, why));
}

/* The line, behind what it begins with; NULL if it does not. */
static char *
after(const struct reader *r, const char *start)
{
	size_t len = strlen(start);

	return (r->at < r->end && strncmp(r->at, start, len) == 0 ?
	    r->at + len : NULL);
}

/* The same, and steps over the line if it does. */
static char *
take_after(struct reader *r, const char *start)
{
	char *rest = after(r, start);

	if (rest != NULL) {
		r->at = rest + strlen(rest) + 1;
		r->line++;
	}
	return (rest);
}

/* Steps over the line if it is this one. */
static bool
take(struct reader *r, const char *line)
{
	const char *rest = after(r, line);

	return (rest != NULL && *rest == '\0' && take_after(r, line) != NULL);
}

/* --- words --- */

/* A number from 1 to max with no zero in front; -1 if it is none. */
static int
number(const char *text, int max)
{
	char *end;
	long n = strtol(text, &end, 10);

	return (text[0] >= '1' && text[0] <= '9' && *end == '\0' && n <= max ?
	    (int)n : -1);
}

/*
 * Takes off *text what stands between two quotes, in place.  A % stands there twice.
 * Returns NULL if there is no such thing.
 */
static char *
unquote(char **text, char quote)
{
	char *from = *text, *word, *to;

	if (*from++ != quote)
		return (NULL);
	for (word = to = from; *from != quote; *to++ = *from++)
		if ((unsigned char)*from < 0x20 || *from == 0x7f ||
		    strchr("'\"`\\!$#", *from) != NULL ||
		    (*from == '%' && *++from != '%'))
			return (NULL);
	*to = '\0';
	*text = from + 1;
	return (word);
}

/* Is it a path between double quotes, and nothing else? */
static bool
is_path(char *text)
{
	const char *path = text != NULL ? unquote(&text, '"') : NULL;

	return (path != NULL && path[0] == '/' && *text == '\0');
}

static bool
is_alias(const char *name)
{
	size_t len = strlen(name);

	return (len > 0 && len <= ALIAS_MAX && strchr("._-", name[0]) == NULL &&
	    text_only(name, "._-") && (strchr(name, '.') == NULL ||
	    (len > 4 && strcmp(name + len - 4, ".arc") == 0)));
}

static bool
is_user(const char *user)
{
	return (user[0] != '\0' && user[0] != '-' && strlen(user) <= 128 &&
	    text_only(user, "_.@+-\\") &&
	    strstr(user, "\\\\") == NULL);
}

/* --- the lines of a block --- */

static int
add_name(struct reader *r, const char *text)
{
	struct name *bigger;
	size_t room = r->room > 0 ? 2 * r->room : 256;

	if (r->nnames == r->room) {
		bigger = reallocarray(r->names, room, sizeof(*bigger));
		if (bigger == NULL)
			return (err_set(r->e, EX_OSERR, "", "out of memory"));
		r->names = bigger;
		r->room = room;
	}
	r->names[r->nnames++] = (struct name){ text, r->line };
	return (0);
}

/* The names of "Host A B C", and whose they are. */
static int
read_host(struct reader *r, char *names, struct sshconf_block *b)
{
	char *word;

	while ((word = strsep(&names, " ")) != NULL) {
		if (b->nalias == SSHCONF_ALIASES_MAX || !is_alias(word))
			return (refuse(r, "a name that is none"));
		b->alias[b->nalias++] = word;
		if (add_name(r, word) == -1)
			return (-1);
	}
	if ((word = take_after(r, "    HostName ")) == NULL ||
	    strcmp(word, b->alias[0]) != 0)
		return (refuse(r, "no HostName, or not the first name"));
	if ((b->key = take_after(r, "    HostKeyAlias ")) == NULL)
		return (refuse(r, "no HostKeyAlias"));
	return (0);
}

static int
read_login(struct reader *r, struct sshconf_block *b)
{
	char *value;

	if ((b->user = take_after(r, "    User ")) != NULL && !is_user(b->user))
		return (refuse(r, "no name of a user"));
	if ((value = take_after(r, "    IdentityFile ")) != NULL) {
		if (!is_path(value) || !take(r, "    IdentitiesOnly yes"))
			return (refuse(r, "no path of an identity"));
	} else
		(void)take(r, "    IdentitiesOnly no");
	b->port = 22;
	if ((value = take_after(r, "    Port ")) != NULL &&
	    (b->port = number(value, 65535)) == -1)
		return (refuse(r, "no port"));
	return (0);
}

/*
 * Takes the words of a ProxyCommand apart:
 *	PROXY ARGUMENTS -p %p --deadline SECONDS -- TARGET
 * Returns the seconds, or -1: it is none.
 */
static int
split_command(char *text, struct sshconf_block *b)
{
	static const char middle[] = " -p %p --deadline ";
	char *seconds;

	if ((b->proxy = unquote(&text, '\'')) == NULL || b->proxy[0] != '/')
		return (-1);
	while (strncmp(text, " '", 2) == 0) {
		text++;
		if (unquote(&text, '\'') == NULL)
			return (-1);
	}
	if (strncmp(text, middle, strlen(middle)) != 0)
		return (-1);
	seconds = text + strlen(middle);
	if ((text = strstr(seconds, " -- ")) == NULL)
		return (-1);
	*text = '\0';
	text += strlen(" -- ");
	if (b->nalias == 0)
		b->target = strcmp(text, "'%h'") == 0 ? "%h" : NULL;
	else if ((b->target = unquote(&text, '\'')) != NULL && *text != '\0')
		b->target = NULL;
	return (b->target != NULL ? number(seconds, 86400) : -1);
}

static int
read_command(struct reader *r, struct sshconf_block *b)
{
	char *timeout;
	int deadline;

	if ((b->command = take_after(r, "    ProxyCommand ")) == NULL)
		return (refuse(r, "no ProxyCommand"));
	(void)snprintf(r->words, sizeof(r->words), "%s", b->command);
	if ((deadline = split_command(r->words, b)) == -1)
		return (refuse(r, "not our ProxyCommand"));
	if (!is_path(take_after(r, "    UserKnownHostsFile ")))
		return (refuse(r, "no UserKnownHostsFile"));
	if ((timeout = take_after(r, "    ConnectTimeout ")) == NULL ||
	    number(timeout, 86400) != deadline + HEADROOM_S ||
	    !take(r, "    ServerAliveInterval 30") ||
	    !take(r, "    ServerAliveCountMax 4"))
		return (refuse(r, "other times"));
	if (take(r, "    ControlMaster auto") &&
	    (!take(r, "    ControlPath ~/.ssh/cm-%C") ||
	    !take(r, "    ControlPersist 10m")))
		return (refuse(r, "half of a shared connection"));
	return (0);
}

/* Is it the machine that the block is about, and the key its own? */
static int
check_target(const struct reader *r, const struct sshconf_block *b)
{
	char key[ALIAS_KEY_MAX + 1];
	struct err e = ERR_INIT;
	struct arc_id id;

	if (b->nalias == 0)
		return (0);
	if (arc_id_parse(b->target, &id, &e) == -1)
		return (refuse(r, "no resource id"));
	alias_key(id.text, key);
	return (strcmp(b->key, key) == 0 ? 0 :
	    refuse(r, "not the HostKeyAlias of this machine"));
}

/* --- all blocks --- */

static int
compare(const void *a, const void *b)
{
	return (strcasecmp(((const struct name *)a)->text,
	    ((const struct name *)b)->text));
}

/* No name stands in two blocks, in whatever case; in one it may be spelled twice. */
static int
check_names(struct reader *r)
{
	size_t i;

	if (r->nnames > 0)
		qsort(r->names, r->nnames, sizeof(*r->names), compare);
	for (i = 1; i < r->nnames; i++)
		if (r->names[i].line != r->names[i - 1].line &&
		    compare(&r->names[i], &r->names[i - 1]) == 0) {
			r->line = r->names[i].line;
			return (refuse(r, "a name of two machines"));
		}
	return (0);
}

/* Is it one of ours?  The names are sorted. */
static bool
is_known(const struct reader *r, const char *host)
{
	struct name name = { host, 0 };

	return (r->has_wildcard && strcmp(host, "*.arc") == 0) ||
	    (r->nnames > 0 && bsearch(&name, r->names, r->nnames,
	    sizeof(*r->names), compare) != NULL);
}

/* A,B,C exec "'TOOL' cert ensure --quiet ..", and the Include that belongs to it. */
static int
read_match(struct reader *r, char *hosts)
{
	static const char verb[] = " cert ensure --quiet";
	char *host, *exec = strstr(hosts, " exec \"");

	if (exec == NULL)
		return (refuse(r, "no exec"));
	*exec = '\0';
	exec += strlen(" exec \"");
	while ((host = strsep(&hosts, ",")) != NULL)
		if (!is_known(r, host))
			return (refuse(r, "a Match for others"));
	if ((host = unquote(&exec, '\'')) == NULL || host[0] != '/' ||
	    strncmp(exec, verb, strlen(verb)) != 0)
		return (refuse(r, "it would run something else"));
	for (exec += strlen(verb); strncmp(exec, " '", 2) == 0;) {
		exec++;
		if (unquote(&exec, '\'') == NULL)
			return (refuse(r, "an argument that is not quoted"));
	}
	if (strcmp(exec, "\"") != 0)
		return (refuse(r, "it would run something else"));
	return (is_path(take_after(r, "    Include ")) ? 0 :
	    refuse(r, "no Include"));
}

static int
read_block(struct reader *r, struct sshconf_block *b)
{
	char *names;

	if (take(r, "Host *.arc \"!*'*\" \"!*!*\"")) {
		r->has_wildcard = true;
		if (!take(r, "    HostName %h"))
			return (refuse(r, "another HostName"));
	} else if ((names = take_after(r, "Host ")) == NULL)
		return (refuse(r, "no Host"));
	else if (read_host(r, names, b) == -1)
		return (-1);
	if (read_login(r, b) == -1 || read_command(r, b) == -1)
		return (-1);
	return (check_target(r, b));
}

static int
read_all(struct reader *r, int (*each)(void *arg, const struct sshconf_block *b,
    struct err *e), void *arg)
{
	char *hosts;

	if (take_after(r, "# >>> arc-relay begin v1: ") == NULL ||
	    !take(r, "# Changes here are lost: it is written anew as a whole."))
		return (refuse(r, "it does not begin"));
	while (!r->has_wildcard && after(r, "Host ") != NULL) {
		struct sshconf_block b = { .nalias = 0 };

		if (read_block(r, &b) == -1 || each(arg, &b, r->e) == -1)
			return (-1);
	}
	if (check_names(r) == -1)
		return (-1);
	while ((hosts = take_after(r, "Match originalhost ")) != NULL)
		if (read_match(r, hosts) == -1)
			return (-1);
	if (!take(r, "# <<< arc-relay end") || r->at != r->end)
		return (refuse(r, "it does not end"));
	return (0);
}

/* Cuts a copy of the text into lines. */
static int
cut(struct reader *r, size_t len)
{
	size_t i, begin = 0;

	for (i = 0; i < len; i++) {
		if ((unsigned char)r->at[i] < 0x20 && r->at[i] != '\n')
			return (refuse(r, "a control character"));
		if (i - begin > LINE_MAX)
			return (refuse(r, "a line too long for ssh"));
		if (r->at[i] == '\n') {
			r->at[i] = '\0';
			begin = i + 1;
			r->line++;
		}
	}
	r->line = 0;
	r->end = r->at + len;
	return (begin == len ? 0 : refuse(r, "it is cut short"));
}

int
sshconf_read(const char *text, size_t len,
    int (*each)(void *arg, const struct sshconf_block *b, struct err *e),
    void *arg, struct err *e)
{
	struct reader r = { .e = e };
	char *copy = malloc(len + 1);
	int rc = -1;

	if (copy == NULL)
		return (err_set(e, EX_OSERR, "", "out of memory"));
	if (len > 0)
		memcpy(copy, text, len);
	copy[len] = '\0';
	r.at = copy;
	if (cut(&r, len) == 0)
		rc = read_all(&r, each, arg);
	free(r.names);
	free(copy);
	return (rc);
}
