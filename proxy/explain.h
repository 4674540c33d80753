/*
 * What can go wrong on the way to a machine, as data: what is seen of it, why,
 * what to do.  Also what ssh, az and Microsoft's sshproxy say.
 */
#ifndef PROXY_EXPLAIN_H
#define PROXY_EXPLAIN_H

#include <stdbool.h>
#include <stddef.h>

#define EXPLAIN_STATUSES	3
#define EXPLAIN_MAX		128	/* more than there are rows */
#define EXPLAIN_INPUT_MAX	(8 * 1024 * 1024)	/* bytes of a text */

enum {				/* what else is known of a row */
	EXPLAIN_RETRY = 1,	/* may pass by itself */
	EXPLAIN_LAST = 2,	/* comes of other rows: told after them */
	EXPLAIN_WARNS = 4,	/* our programs go on after it */
};

struct explain_row {
	const char	*id;
	const char	*phase;		/* "here", "machine", .. */
	int		 status[EXPLAIN_STATUSES];	/* exit statuses; 0: no more */
	unsigned	 flags;
	/*
	 * Texts by which it is known, one a line, in any case; "": none.  '*' is
	 * some bytes, '>' some of the same line, a blank may be the end of a line.
	 * '-' before one that is general: another on the same line counts before
	 * it.  '~' before one that is vague: it counts when the whole has nothing
	 * else.
	 */
	const char	*seen;
	const char	*cause;
	const char	*fix;
};

extern const struct explain_row explain_table[];
extern const size_t explain_rows;

/* The row of an id, in any case; NULL: there is none. */
const struct explain_row *explain_find(const char *id);

struct explain_hit {
	const struct explain_row	*row;
	size_t				 line;	/* where, from 1 */
};

/*
 * The causes that are recognised in len bytes, which may be any, each once.  A
 * line has one: that of the id in brackets that our programs end it with, else
 * that of the longest text.  What our programs said comes first, for they have
 * seen the rest; then the others in the order of their places; EXPLAIN_LAST at
 * the end.  text is changed.  Returns how many, at most EXPLAIN_MAX.
 */
size_t	 explain_text(char *text, size_t len, struct explain_hit hit[EXPLAIN_MAX]);

#endif
