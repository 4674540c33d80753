/*
 * Command lines from a table, see options.h.
 */
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/options.h"
#include "relay/err.h"

#define LONG_ONLY	256	/* getopt's value of a row without a letter */

static int
row_of(const struct option_row *table, int c)
{
	int i;

	if (c >= LONG_ONLY)
		return (c - LONG_ONLY);
	for (i = 0; table[i].name != NULL; i++)
		if (table[i].letter == c)
			return (i);
	return (-1);
}

static int
complain(const char *given, int c, struct err *e)
{
	if (c == ':')
		err_set(e, EX_USAGE, "", "option %s needs an argument", given);
	else
		err_set(e, EX_USAGE, "", "unknown option %s", given);
	return (err_fix(e, "see --help"));
}

static int
keep(struct options *o, int row, const char *argument)
{
	if (o->nmany == OPTIONS_MANY)
		return (-1);
	o->many[o->nmany].row = row;
	o->many[o->nmany++].value = argument;
	return (0);
}

int
options_parse(const struct option_row *table, int argc, char **argv,
    struct options *o, struct err *e)
{
	struct option longs[OPTIONS_MAX + 1] = { { 0 } };
	char shorts[2 * OPTIONS_MAX + 2] = ":";
	size_t n = 1;
	int c, i;

	*o = (struct options){ .nrest = 0 };
	for (i = 0; table[i].name != NULL; i++) {
		assert(i < OPTIONS_MAX);
		longs[i].name = table[i].name;
		longs[i].has_arg = table[i].arg != NULL;
		longs[i].val = LONG_ONLY + i;
		if (table[i].letter != 0) {
			shorts[n++] = (char)table[i].letter;
			if (table[i].arg != NULL)
				shorts[n++] = ':';
		}
	}
	optind = 0;	/* glibc, musl: also forget the rest of a word */
	opterr = 0;
	for (;;) {
		int at = optind;	/* the word that getopt looks at next */

		if ((c = getopt_long(argc, argv, shorts, longs, NULL)) == -1)
			break;
		if (c == '?' || c == ':') {
			char letter[3] = { '-', (char)optopt, '\0' };
			int is_letter = optopt > 0 && optopt < LONG_ONLY &&
			    isprint(optopt);

			return (complain(is_letter ? letter :
			    argv[optind - 1 > at ? optind - 1 : at], c, e));
		}
		i = row_of(table, c);
		if (o->count[i]++ > 0 && !table[i].often)
			return (err_set(e, EX_USAGE, "",
			    "option --%s is given twice", table[i].name));
		o->value[i] = optarg != NULL ? optarg : "";
		if (table[i].often && optarg != NULL &&
		    keep(o, i, optarg) == -1)
			return (err_set(e, EX_USAGE, "", "option --%s is given "
			    "too often", table[i].name));
	}
	o->rest = argv + optind;
	o->nrest = argc - optind;
	return (0);
}

size_t
options_all(const struct options *o, int row, const char *out[OPTIONS_MANY])
{
	size_t i, n = 0;

	for (i = 0; i < o->nmany; i++)
		if (o->many[i].row == row)
			out[n++] = o->many[i].value;
	return (n);
}

void
options_help(const struct option_row *table, FILE *out)
{
	char left[64];

	for (; table->name != NULL; table++) {
		if (table->help == NULL)
			continue;
		if (table->letter != 0)
			(void)snprintf(left, sizeof(left), "-%c, --%s%s%s",
			    table->letter, table->name,
			    table->arg != NULL ? " " : "",
			    table->arg != NULL ? table->arg : "");
		else
			(void)snprintf(left, sizeof(left), "    --%s%s%s",
			    table->name, table->arg != NULL ? " " : "",
			    table->arg != NULL ? table->arg : "");
		(void)fprintf(out, "  %-26s %s\n", left, table->help);
	}
}

int
options_number(const char *text, long min, long max, const char *what,
    long *out, struct err *e)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 10);
	if (!isdigit((unsigned char)text[0]) || *end != '\0' || errno != 0 ||
	    n < min || n > max)
		return (err_set(e, EX_USAGE, "",
		    "%s must be a number from %ld to %ld, not \"%.40s\"",
		    what, min, max, text));
	*out = n;
	return (0);
}
