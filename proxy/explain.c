/*
 * Causes recognised in a text, see explain.h.
 */
#include <string.h>
#include <strings.h>

#include "proxy/explain.h"

#define GAP_MAX	400	/* bytes that a '*' stands for, at most */

const struct explain_row *
explain_find(const char *id)
{
	size_t i;

	for (i = 0; i < explain_rows; i++)
		if (strcasecmp(explain_table[i].id, id) == 0)
			return (&explain_table[i]);
	return (NULL);
}

static char
small(char c)
{
	return (c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c);
}

/* Past a sequence for a terminal (ECMA-48) that begins at p. */
static const char *
skip_escape(const char *p, const char *end)
{
	if (++p < end && *p == '[')
		for (p++; p < end && (*p < '@' || *p > '~'); p++)
			;
	return (p < end ? p + 1 : end);
}

/*
 * In place: small letters, no controls, one blank for many, none around the end
 * of a line.  Returns the new length.
 */
static size_t
simplify(char *text, size_t len)
{
	const char *p = text, *end = text + len;
	char *out = text;

	while (p < end) {
		if (*p == '\033') {
			p = skip_escape(p, end);
			continue;
		}
		if (*p == '\n') {
			if (out > text && out[-1] == ' ')
				out--;
			*out++ = '\n';
		} else if ((unsigned char)*p > ' ' && *p != 0x7f)
			*out++ = small(*p);
		else if (out > text && out[-1] != ' ' && out[-1] != '\n')
			*out++ = ' ';
		p++;
	}
	return ((size_t)(out - text));
}

/* Is the piece (no '*', len bytes) at p?  Both in small letters or not. */
static bool
is_at(const char *p, const char *end, const char *piece, size_t len)
{
	size_t i;

	if ((size_t)(end - p) < len)
		return (false);
	for (i = 0; i < len; i++)
		if (p[i] != small(piece[i]) &&
		    !(piece[i] == ' ' && p[i] == '\n'))
			return (false);
	return (true);
}

/* The end of what pattern (len bytes) fits at p; NULL: it does not. */
static const char *
fits(const char *p, const char *end, const char *pattern, size_t len)
{
	const char *last = pattern + len, *star, *stop;
	size_t n;

	for (stop = p;; pattern = star + 1) {
		star = memchr(pattern, '*', (size_t)(last - pattern));
		n = (size_t)((star != NULL ? star : last) - pattern);
		while (!is_at(p, end, pattern, n))
			if (p++ >= stop)
				return (NULL);
		p += n;
		if (star == NULL)
			return (p);
		stop = end - p > GAP_MAX ? p + GAP_MAX : end;
	}
}

struct best {
	const struct explain_row	*row;
	const char			*end;
	size_t				 score;		/* 0: vague, 1: general */
};

/* Tries one pattern at every place of a line. */
static void
try_pattern(const struct explain_row *row, const char *pattern, size_t len,
    const char *line, const char *eol, const char *end, struct best *best)
{
	size_t score = len + 1;
	const char *p, *stop;

	if (*pattern == '-' || *pattern == '~') {
		score = *pattern++ == '-';
		len--;
	}
	if (best->row != NULL && score <= best->score)
		return;
	for (p = line; p < eol; p++)
		if (*p == small(*pattern) &&
		    (stop = fits(p, end, pattern, len)) != NULL) {
			*best = (struct best){ row, stop, score };
			return;
		}
}

/* The id that a line of ours ends in. */
static const struct explain_row *
own_id(const char *line, const char *eol)
{
	const struct explain_row *row;
	char id[5] = "";

	for (; eol - line >= 6; line++)
		if (line[0] == '[' && line[1] == 'e' && line[5] == ']') {
			memcpy(id, line + 1, 4);
			if ((row = explain_find(id)) != NULL)
				return (row);
		}
	return (NULL);
}

/* What one line says. */
static struct best
read_line(const char *line, const char *eol, const char *end)
{
	struct best best = { own_id(line, eol), eol, 2 };
	const char *pattern;
	size_t i, len;

	if (best.row != NULL)
		return (best);
	for (i = 0; i < explain_rows; i++)
		for (pattern = explain_table[i].seen; *pattern != '\0';
		    pattern += len + (pattern[len] == '\n')) {
			len = strcspn(pattern, "\n");
			try_pattern(&explain_table[i], pattern, len, line, eol,
			    end, &best);
		}
	return (best);
}

static size_t
add(struct explain_hit hit[EXPLAIN_MAX], size_t n,
    const struct explain_row *row, size_t line)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (hit[i].row == row)
			return (n);
	if (n < EXPLAIN_MAX)
		hit[n++] = (struct explain_hit){ row, line };
	return (n);
}

size_t
explain_text(char *text, size_t len, struct explain_hit hit[EXPLAIN_MAX])
{
	struct explain_hit vague[EXPLAIN_MAX];
	const char *line = text, *end, *eol;
	size_t n = 0, nvague = 0, number = 1;
	struct best best;

	end = text + simplify(text, len);
	while (line < end) {
		eol = memchr(line, '\n', (size_t)(end - line));
		if (eol == NULL)
			eol = end;
		best = read_line(line, eol, end);
		if (best.row != NULL && best.score > 0)
			n = add(hit, n, best.row, number);
		else if (best.row != NULL)
			nvague = add(vague, nvague, best.row, number);
		/* what a text went over was its own */
		do {
			eol = memchr(line, '\n', (size_t)(end - line));
			line = eol != NULL ? eol + 1 : end;
			number++;
		} while (line < end && best.row != NULL && line < best.end);
	}
	if (n > 0)
		return (n);
	memcpy(hit, vague, nvague * sizeof(vague[0]));
	return (nvague);
}
