/*
 * The Azure CLI's configuration files, see ini.h.
 */
#include <string.h>
#include <strings.h>

#include "auth/ini.h"

static bool
is_blank(char c)
{
	return (c == ' ' || c == '\t' || c == '\r');
}

static struct ini_text
trim(const char *at, const char *end)
{
	while (at < end && is_blank(*at))
		at++;
	while (end > at && is_blank(end[-1]))
		end--;
	return ((struct ini_text){ at, (size_t)(end - at) });
}

void
ini_begin(struct ini *i, const char *text, size_t len)
{
	*i = (struct ini){ .at = text, .end = text + len };
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		i->at += 3;
}

/* Is there something in the line?  Then it is in section, key and value. */
static bool
take(struct ini *i, const char *line, const char *end)
{
	const char *mark = line;
	bool goes_on = line < end && is_blank(*line) && i->key.len > 0;
	struct ini_text all = trim(line, end);

	if (all.len == 0 || all.at[0] == '#' || all.at[0] == ';' || goes_on)
		return (false);
	if (all.at[0] == '[') {
		if (all.at[all.len - 1] != ']')
			return (false);
		i->section = (struct ini_text){ all.at + 1, all.len - 2 };
		i->key.len = i->value.len = 0;
		return (true);
	}
	while (mark < end && *mark != '=' && *mark != ':')
		mark++;
	if (mark == end || i->section.at == NULL)
		return (false);
	i->key = trim(line, mark);
	i->value = trim(mark + 1, end);
	return (i->key.len > 0);
}

bool
ini_next(struct ini *i)
{
	const char *line, *end;

	while (i->at < i->end) {
		line = i->at;
		end = memchr(line, '\n', (size_t)(i->end - line));
		if (end == NULL)
			end = i->end;
		i->at = end < i->end ? end + 1 : end;
		if (take(i, line, end))
			return (true);
	}
	return (false);
}

bool
ini_is(const struct ini_text *t, const char *string)
{
	return (strlen(string) == t->len &&
	    strncasecmp(t->at, string, t->len) == 0);
}

int
ini_get(const char *text, size_t len, const char *section, const char *key,
    char *out, size_t size)
{
	struct ini i;

	ini_begin(&i, text, len);
	while (ini_next(&i))
		if (i.key.len > 0 && ini_is(&i.key, key) &&
		    ini_is(&i.section, section)) {
			if (i.value.len == 0 || i.value.len >= size ||
			    memchr(i.value.at, '\0', i.value.len) != NULL)
				return (-1);
			memcpy(out, i.value.at, i.value.len);
			out[i.value.len] = '\0';
			return (0);
		}
	return (-1);
}
