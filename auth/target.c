/*
 * What a machine can be called, see target.h.
 */
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "auth/arc.h"
#include "auth/target.h"
#include "relay/err.h"

#define NAME_MAX_BYTES	400	/* of a name with its group and subscription */
#define SUFFIX		".arc"

/*
 * Letters beyond ASCII, and the marks within them.  Not in here: controls, blanks,
 * punctuation, what has no width or turns the direction of writing, private use.
 */
static const struct {
	uint32_t from, to;
} letters[] = {
	{ 0xc0, 0xd6 }, { 0xd8, 0xf6 }, { 0xf8, 0x2ff }, { 0x300, 0x34e },
	{ 0x350, 0x61b }, { 0x61d, 0x115e }, { 0x1161, 0x167f },
	{ 0x1681, 0x17b3 }, { 0x17b6, 0x180a }, { 0x1810, 0x1fff },
	{ 0x2c00, 0x2dff }, { 0x3005, 0x3007 }, { 0x3021, 0x3163 },
	{ 0x3165, 0xd7ff }, { 0xf900, 0xfdff }, { 0xfe70, 0xfefc },
	{ 0xff10, 0xff9f }, { 0xffa1, 0xffdc }, { 0x10000, 0x1d15f },
	{ 0x1e000, 0x1efff }, { 0x20000, 0x3ffff },
};

static bool
is_letter(uint32_t c)
{
	size_t i;

	for (i = 0; i < sizeof(letters) / sizeof(letters[0]); i++)
		if (c >= letters[i].from && c <= letters[i].to)
			return (true);
	return (false);
}

/*
 * The character beyond ASCII that s begins with, of n bytes.  0: none, or not
 * written as UTF-8 has to be.
 */
static uint32_t
read_utf8(const char *s, size_t *n)
{
	const unsigned char *p = (const unsigned char *)s;
	uint32_t c, least;
	size_t i;

	*n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return (0);
	c = p[0] & (0xffU >> (*n + 1));
	for (i = 1; i < *n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return (0);
		c = c << 6 | (p[i] & 0x3f);
	}
	least = *n == 2 ? 0x80 : *n == 3 ? 0x800 : 0x10000;
	return (c >= least ? c : 0);
}

/*
 * Only what ARM allows there: machines have letters and digits of ASCII, groups
 * letters of all kinds and parentheses, and what may be a subscription blanks.
 */
static bool
can_be_name(const char *s)
{
	size_t dots = 0, n, len = strlen(s);
	const char *p;

	if (len > NAME_MAX_BYTES || !(isalnum((unsigned char)s[0]) ||
	    s[0] == '_') || strchr(". ", s[len - 1]) != NULL)
		return (false);
	for (p = s; *p != '\0'; p += n) {
		n = 1;
		if (*p == '.')
			dots++;
		else if (isalnum((unsigned char)*p) || *p == '-' || *p == '_')
			;
		else if ((unsigned char)*p >= 0x80 ?
		    dots < 1 || !is_letter(read_utf8(p, &n)) :
		    strchr("()", *p) != NULL ? dots < 1 :
		    *p != ' ' || dots < 2)
			return (false);
	}
	return (true);
}

int
target_parse(const char *text, struct target *t, struct err *e)
{
	struct arc_id id;

	*t = (struct target){ .is_id = text[0] == '/' };
	if (t->is_id) {
		if (arc_id_parse(text, &id, e) == -1)
			return (-1);
		text = id.text;
	} else if (!can_be_name(text)) {
		err_set(e, EX_USAGE, "", "\"%.80s\" cannot be the name of a "
		    "machine", text);
		return (err_fix(e, "type NAME, NAME.GROUP or a resource id: "
		    "arc-relay list"));
	}
	(void)snprintf(t->text, sizeof(t->text), "%s", text);
	return (0);
}

/* What follows part, and a dot or nothing; NULL if p does not begin so. */
static const char *
skip(const char *p, const char *part)
{
	size_t len = strlen(part);

	if (len == 0 || strncasecmp(p, part, len) != 0 ||
	    (p[len] != '.' && p[len] != '\0'))
		return (NULL);
	return (p + len);
}

static bool
is_end(const char *p)
{
	return (p != NULL && (*p == '\0' || strcasecmp(p, SUFFIX) == 0));
}

bool
target_is(const char *text, const char *name, const char *group,
    const char *subscription, const char *subscription_name)
{
	const char *p = skip(text, name);

	if (p == NULL || is_end(p))
		return (p != NULL);
	p = skip(p + 1, group);
	if (p == NULL || is_end(p))
		return (p != NULL);
	return (is_end(skip(p + 1, subscription)) ||
	    is_end(skip(p + 1, subscription_name)));
}

const char *
target_suffix(const char *text)
{
	size_t len = strlen(text), n = strlen(SUFFIX);

	return (len > n && strcasecmp(text + len - n, SUFFIX) == 0 ? SUFFIX :
	    "");
}
