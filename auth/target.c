/*
 * What a machine can be called, see target.h.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "auth/arc.h"
#include "auth/letter.h"
#include "auth/target.h"
#include "relay/err.h"

#define NAME_MAX_BYTES	400	/* of a name with its group and subscription */
#define SUFFIX		".arc"

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
		    dots < 1 || (n = letter_size(p)) == 0 :
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
