/*
 * Command lines from a table: one row an option drives parsing, --help and
 * shell completion.
 */
#ifndef PROXY_OPTIONS_H
#define PROXY_OPTIONS_H

#include <stdio.h>

struct err;

#define OPTIONS_MAX	32
#define OPTIONS_MANY	64	/* arguments of options that may be repeated */

struct option_row {
	int		 letter;	/* short form; 0: only the long one */
	const char	*name;		/* long form */
	const char	*arg;		/* name of its argument; NULL: takes none */
	const char	*help;		/* a few words; NULL: not shown */
	int		 often;		/* 1: may be repeated (-v, --tag X --tag Y) */
};

/* What was given, by the row's place in the table. */
struct options {
	const char	*value[OPTIONS_MAX];	/* its argument, "" if it takes none; NULL: absent */
	int		 count[OPTIONS_MAX];
	char		**rest;			/* the arguments that are no options */
	int		 nrest;
	/* Those of repeatable options, in their order: see options_all. */
	struct {
		int		 row;
		const char	*value;
	}		 many[OPTIONS_MANY];
	size_t		 nmany;
};

/*
 * Reads argv[1..argc-1] by table, which ends with a row whose name is NULL.
 * "--" ends the options.  An unknown option, a missing or unwanted argument, and
 * an option given twice (or, if it may be repeated, more than OPTIONS_MANY of them)
 * are errors (EX_USAGE).  argv is reordered, not copied.
 * Returns 0 or -1.
 */
int	 options_parse(const struct option_row *table, int argc, char **argv,
	    struct options *o, struct err *e);

/*
 * All arguments of an option that may be repeated, in their order; value has the
 * last one only.  Returns how many.
 */
size_t	 options_all(const struct options *o, int row,
	    const char *out[OPTIONS_MANY]);

/* One line an option, aligned. */
void	 options_help(const struct option_row *table, FILE *out);

/*
 * text as a whole decimal number within min and max.
 * Returns 0, or -1 with EX_USAGE that names what.
 */
int	 options_number(const char *text, long min, long max, const char *what,
	    long *out, struct err *e);

#endif
