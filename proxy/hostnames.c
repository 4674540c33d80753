/*
 * Names that already mean something, see hostnames.h.
 */
#include <ctype.h>
#include <fnmatch.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "auth/text.h"
#include "proxy/hostnames.h"
#include "relay/crypto.h"

#define HASH_MARK	"|1|"
#define WORD_MAX	1024

struct strings {
	char	**at;
	size_t	 n;
};

struct hashed {
	uint8_t	salt[SHA1_BYTES];
	uint8_t	hash[SHA1_BYTES];
};

struct hostnames {
	struct strings	 plain;
	bool		 sorted;	/* plain is, since it was last asked */
	struct strings	 patterns;
	struct hashed	*hashed;
	size_t		 nhashed;
};

struct hostnames *
hostnames_new(void)
{
	return (calloc(1, sizeof(struct hostnames)));
}

static void
strings_free(struct strings *s)
{
	while (s->n > 0)
		free(s->at[--s->n]);
	free(s->at);
}

void
hostnames_free(struct hostnames *h)
{
	if (h == NULL)
		return;
	strings_free(&h->plain);
	strings_free(&h->patterns);
	free(h->hashed);
	free(h);
}

/* Room for one more of size bytes in an array that grows by doubling. */
static void *
grown(void *at, size_t n, size_t size)
{
	return ((n & (n - 1)) != 0 ? at :
	    reallocarray(at, n > 0 ? 2 * n : 1, size));
}

static int
strings_add(struct strings *s, const char *word, size_t len)
{
	char **bigger = grown(s->at, s->n, sizeof(*s->at));

	if (bigger == NULL)
		return (-1);
	s->at = bigger;
	if ((s->at[s->n] = strndup(word, len)) == NULL)
		return (-1);
	s->n++;
	return (0);
}

/* NAME, [NAME]:PORT, or a pattern; no name begins with the '!' of a negated one. */
static int
add_name(struct hostnames *h, const char *word, size_t len)
{
	const char *end;
	size_t i;

	if (len > 0 && word[0] == '[' &&
	    (end = memchr(word, ']', len)) != NULL) {
		word++;
		len = (size_t)(end - word);
	}
	if (len == 0)
		return (0);
	if (memchr(word, '*', len) == NULL && memchr(word, '?', len) == NULL)
		return (strings_add(&h->plain, word, len));
	for (i = 0; i < len; i++)
		if (isalnum((unsigned char)word[i]))
			return (strings_add(&h->patterns, word, len));
	return (0);	/* "*" means no host */
}

static int
add_hashed(struct hostnames *h, const char *word, size_t len)
{
	const char *salt = word + strlen(HASH_MARK);
	const char *end = word + len, *bar = memchr(salt, '|',
	    (size_t)(end - salt));
	struct hashed *bigger, x;

	if (bar == NULL ||
	    crypto_unbase64(salt, (size_t)(bar - salt), x.salt,
	    sizeof(x.salt)) != sizeof(x.salt) ||
	    crypto_unbase64(bar + 1, (size_t)(end - bar - 1), x.hash,
	    sizeof(x.hash)) != sizeof(x.hash))
		return (0);
	if ((bigger = grown(h->hashed, h->nhashed, sizeof(x))) == NULL)
		return (-1);
	h->hashed = bigger;
	h->hashed[h->nhashed++] = x;
	return (0);
}

/* A '=' after a keyword is a space to ssh. */
#define CONFIG_SPACE	" \t\r\f="
#define KNOWN_SPACE	" \t\r"

/*
 * The next word of the line that ends at end; in ssh_config it may be in double
 * quotes.  Returns its length, 0 at the end.
 */
static size_t
next_word(const char **at, const char *end, const char *space,
    const char **word)
{
	const char *p = *at;
	bool quoted;

	while (p < end && strchr(space, *p) != NULL)
		p++;
	quoted = strchr(space, '=') != NULL && p < end && *p == '"';
	*word = p += quoted;
	while (p < end && (quoted ? *p != '"' : strchr(space, *p) == NULL))
		p++;
	*at = p + (quoted && p < end);
	return ((size_t)(p - *word));
}

static bool
is_word(const char *word, size_t len, const char *keyword)
{
	return (strlen(keyword) == len && strncasecmp(word, keyword, len) == 0);
}

static int
add_config_line(struct hostnames *h, const char *at, const char *end,
    int (*include)(void *, const char *), void *arg)
{
	char pattern[WORD_MAX];
	const char *word;
	size_t len = next_word(&at, end, CONFIG_SPACE, &word);
	bool is_host = is_word(word, len, "host") ||
	    is_word(word, len, "hostname");
	bool is_include = include != NULL && is_word(word, len, "include");

	while ((is_host || is_include) &&
	    (len = next_word(&at, end, CONFIG_SPACE, &word)) > 0) {
		if (is_host && add_name(h, word, len) == -1)
			return (-1);
		if (is_host || len >= sizeof(pattern))
			continue;
		memcpy(pattern, word, len);
		pattern[len] = '\0';
		if (include(arg, pattern) == -1)
			return (-1);
	}
	return (0);
}

int
hostnames_add_config(struct hostnames *h, const char *text, size_t len,
    int (*include)(void *arg, const char *pattern), void *arg)
{
	const char *end = text + len, *eol;

	for (; text < end; text = eol + 1) {
		eol = memchr(text, '\n', (size_t)(end - text));
		if (eol == NULL)
			eol = end;
		if (add_config_line(h, text, eol, include, arg) == -1)
			return (-1);
	}
	return (0);
}

/* "[@MARKER] HOST,HOST.. TYPE KEY" */
static int
add_known_line(struct hostnames *h, const char *at, const char *end)
{
	const char *word, *comma;
	size_t len = next_word(&at, end, KNOWN_SPACE, &word), n;

	if (len > 0 && word[0] == '@')
		len = next_word(&at, end, KNOWN_SPACE, &word);
	if (len == 0 || word[0] == '#')
		return (0);
	if (len > strlen(HASH_MARK) &&
	    memcmp(word, HASH_MARK, strlen(HASH_MARK)) == 0)
		return (add_hashed(h, word, len));
	for (;; word += n + 1, len -= n + 1) {
		comma = memchr(word, ',', len);
		n = comma != NULL ? (size_t)(comma - word) : len;
		if (add_name(h, word, n) == -1)
			return (-1);
		if (comma == NULL)
			return (0);
	}
}

int
hostnames_add_known(struct hostnames *h, const char *text, size_t len)
{
	const char *end = text + len, *eol;

	for (; text < end; text = eol + 1) {
		eol = memchr(text, '\n', (size_t)(end - text));
		if (eol == NULL)
			eol = end;
		if (add_known_line(h, text, eol) == -1)
			return (-1);
	}
	return (0);
}

static int
compare(const void *a, const void *b)
{
	return (strcasecmp(*(char *const *)a, *(char *const *)b));
}

/* known_hosts has them in lower case. */
static bool
is_hashed(const struct hostnames *h, const char *name)
{
	char lower[WORD_MAX];
	uint8_t mac[SHA1_BYTES];
	size_t i, len = strlen(name);

	if (len >= sizeof(lower))
		return (false);
	memcpy(lower, name, len + 1);
	text_lower(lower);
	for (i = 0; i < h->nhashed; i++) {
		crypto_hmac_sha1(h->hashed[i].salt, SHA1_BYTES, lower, len, mac);
		if (memcmp(mac, h->hashed[i].hash, SHA1_BYTES) == 0)
			return (true);
	}
	return (false);
}

bool
hostnames_has(struct hostnames *h, const char *name)
{
	size_t i;

	if (!h->sorted && h->plain.n > 0)
		qsort(h->plain.at, h->plain.n, sizeof(*h->plain.at), compare);
	h->sorted = true;
	if (h->plain.n > 0 && bsearch(&name, h->plain.at, h->plain.n,
	    sizeof(*h->plain.at), compare) != NULL)
		return (true);
	for (i = 0; i < h->patterns.n; i++)
		if (fnmatch(h->patterns.at[i], name,
		    FNM_CASEFOLD | FNM_NOESCAPE) == 0)
			return (true);
	return (is_hashed(h, name));
}
