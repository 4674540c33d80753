/*
 * Causes recognised in a text, see explain.h.
 */
#include <assert.h>
#include <limits.h>
#include <string.h>
#include <strings.h>

#include "proxy/explain.h"

#define GAP_MAX	400	/* bytes that a gap stands for, at most */
#define SCORE_GENERAL	1000	/* more than a vague text is long */
#define SCORE_SPECIAL	2000
#define TEXTS_MAX	512	/* more than there are */

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

/* Is the piece (no gap, len bytes) at p?  Both in small letters or not. */
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

/* The first '*' or '>' in len bytes; NULL: there is none. */
static const char *
find_gap(const char *pattern, size_t len)
{
	for (; len > 0; pattern++, len--)
		if (*pattern == '*' || *pattern == '>')
			return (pattern);
	return (NULL);
}

/* Where a gap that begins at p ends at last. */
static const char *
gap_end(char gap, const char *p, const char *end)
{
	const char *eol;

	if (end - p > GAP_MAX)
		end = p + GAP_MAX;
	eol = gap == '>' ? memchr(p, '\n', (size_t)(end - p)) : NULL;
	return (eol != NULL ? eol : end);
}

/* The end of what pattern (len bytes) fits at p; NULL: it does not. */
static const char *
fits(const char *p, const char *end, const char *pattern, size_t len)
{
	const char *last = pattern + len, *gap, *stop;
	size_t n;

	for (stop = p;; pattern = gap + 1) {
		gap = find_gap(pattern, (size_t)(last - pattern));
		n = (size_t)((gap != NULL ? gap : last) - pattern);
		while (!is_at(p, end, pattern, n))
			if (p++ >= stop)
				return (NULL);
		p += n;
		if (gap == NULL)
			return (p);
		stop = gap_end(*gap, p, end);
	}
}

/* Texts of all rows that begin with the same letter. */
struct text {
	const struct explain_row	*row;
	const char			*pattern;
	size_t				 len;
	size_t				 score;
	struct text			*next;
};
struct texts {
	struct text	 text[TEXTS_MAX];
	struct text	*by_letter[UCHAR_MAX + 1];
};

static void
texts_init(struct texts *ts)
{
	struct text *t = ts->text, **first;
	const char *seen;
	size_t i, len;

	memset(ts->by_letter, 0, sizeof(ts->by_letter));
	for (i = 0; i < explain_rows; i++)
		for (seen = explain_table[i].seen; *seen != '\0';
		    seen += len + (seen[len] == '\n')) {
			len = strcspn(seen, "\n");
			assert(t < ts->text + TEXTS_MAX);
			*t = (struct text){ &explain_table[i], seen, len,
			    SCORE_SPECIAL + len, NULL };
			if (*seen == '-' || *seen == '~') {
				t->pattern++;
				t->len--;
				t->score = t->len + (*seen == '-' ?
				    SCORE_GENERAL : 0);
			}
			first = &ts->by_letter[(unsigned char)
			    small(*t->pattern)];
			t->next = *first;
			*first = t++;
		}
}

struct best {
	const struct explain_row	*row;
	const char			*end;
	size_t				 score;
	bool				 own;	/* a line of ours */
};

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

/* The text that a line has. */
static struct best
read_texts(const struct texts *ts, const char *line, const char *eol,
    const char *end)
{
	struct best best = { NULL, eol, 0, false };
	const struct text *t;
	const char *p, *stop;

	for (p = line; p < eol; p++)
		for (t = ts->by_letter[(unsigned char)*p]; t != NULL; t = t->next)
			if ((best.row == NULL || t->score > best.score) &&
			    (stop = fits(p, end, t->pattern, t->len)) != NULL)
				best = (struct best){ t->row, stop, t->score,
				    false };
	return (best);
}

/* In the order in which they are told. */
enum rank { OWN, SEEN, LATE, VAGUE, RANKS };

static enum rank
rank_of(const struct best *best)
{
	if (best->own && (best->row->flags & EXPLAIN_WARNS) == 0)
		return (OWN);
	if (best->score < SCORE_GENERAL)
		return (VAGUE);
	return (best->row->flags & EXPLAIN_LAST ? LATE : SEEN);
}

struct found {
	struct {
		enum rank	rank;	/* RANKS: it is not there */
		size_t		line;
		const char	*end;	/* those that end first are told first */
	} row[EXPLAIN_MAX];
};

static void
note(struct found *found, const struct best *best, size_t line)
{
	size_t i = (size_t)(best->row - explain_table);
	enum rank rank = rank_of(best);

	if (rank >= found->row[i].rank)
		return;
	found->row[i].rank = rank;
	found->row[i].line = line;
	found->row[i].end = best->end;
}

/* The row of this rank that is told after row i, or first if i is explain_rows. */
static size_t
next_of(const struct found *found, enum rank rank, size_t after)
{
	const char *end, *best = NULL;
	size_t i, next = explain_rows;

	for (i = 0; i < explain_rows; i++) {
		end = found->row[i].end;
		if (found->row[i].rank != rank || (after < explain_rows &&
		    (end < found->row[after].end ||
		    (end == found->row[after].end && i <= after))))
			continue;
		if (best == NULL || end < best) {
			best = end;
			next = i;
		}
	}
	return (next);
}

/* Those of one rank, after the n that are there. */
static size_t
list(const struct found *found, enum rank rank, struct explain_hit *hit, size_t n)
{
	size_t i = explain_rows;

	while ((i = next_of(found, rank, i)) < explain_rows)
		hit[n++] = (struct explain_hit){ &explain_table[i],
		    found->row[i].line };
	return (n);
}

/* What one line says.  Returns where that ends, or line: it says nothing. */
static const char *
read_line(const struct texts *ts, struct found *found, const char *line,
    const char *eol, const char *end, size_t number)
{
	struct best own = { own_id(line, eol), eol, SCORE_SPECIAL, true }, best;

	if (own.row != NULL && (own.row->flags & EXPLAIN_LAST) == 0) {
		note(found, &own, number);
		return (eol);
	}
	best = read_texts(ts, line, eol, end);
	if (own.row != NULL) {
		/* what it comes of may be in the same line */
		own.own = best.score < SCORE_GENERAL || best.row == own.row;
		note(found, &own, number);
		if (own.own)
			return (eol);
	}
	if (best.row == NULL)
		return (line);
	note(found, &best, number);
	return (best.end);
}

size_t
explain_text(char *text, size_t len, struct explain_hit hit[EXPLAIN_MAX])
{
	const char *line = text, *end, *eol, *read, *taken = text;
	struct texts ts;
	struct found found;
	size_t i, n = 0, number;

	texts_init(&ts);
	assert(explain_rows <= EXPLAIN_MAX);
	for (i = 0; i < EXPLAIN_MAX; i++)
		found.row[i].rank = RANKS;
	end = text + simplify(text, len);
	for (number = 1; line < end; number++, line = eol + 1) {
		eol = memchr(line, '\n', (size_t)(end - line));
		if (eol == NULL)
			eol = end;
		/* where a text of an earlier line ended, that was the text */
		if (taken > line && taken <= eol)
			continue;
		read = read_line(&ts, &found, line, eol, end, number);
		if (read > taken)
			taken = read;
	}
	for (i = OWN; i < RANKS; i++)
		if (i != VAGUE || n == 0)
			n = list(&found, (enum rank)i, hit, n);
	return (n);
}
