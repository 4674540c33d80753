/*
 * What the command lines of the verbs have in common.
 */
#ifndef PROXY_CMD_OPTIONS_H
#define PROXY_CMD_OPTIONS_H

#include <stdint.h>

#include <stdbool.h>
#include <stddef.h>

#include "proxy/options.h"

struct cloud;
struct err;
struct js;

/* The first rows of the table of each verb that talks to Azure, in this order. */
enum { CMD_CLOUD, CMD_CLOUD_FILE, CMD_CA_FILE, CMD_PROXY, CMD_PROXY_AUTH_FILE,
    CMD_NROWS };
#define CMD_ROWS							\
	{ 0, "cloud", "NAME", "Azure cloud (AzureCloud)", 0 },		\
	{ 0, "cloud-file", "FILE", "a cloud of your own", 0 },		\
	{ 0, "ca-file", "FILE", "trust these certificates only (PEM)", 0 }, \
	{ 0, "proxy", "URL", "HTTP proxy; \"none\": no proxy", 0 },	\
	{ 0, "proxy-auth-file", "FILE", "USER:PASSWORD for the proxy", 0 }

/*
 * The same for a verb whose table is long: they are not in --help, which ends
 * with CMD_HIDDEN_HELP.
 */
#define CMD_ROWS_HIDDEN							\
	{ 0, "cloud", "NAME", NULL, 0 },				\
	{ 0, "cloud-file", "FILE", NULL, 0 },				\
	{ 0, "ca-file", "FILE", NULL, 0 },				\
	{ 0, "proxy", "URL", NULL, 0 },					\
	{ 0, "proxy-auth-file", "FILE", NULL, 0 }

#define CMD_HIDDEN_HELP							\
	"--cloud, --cloud-file, --ca-file, --proxy, --proxy-auth-file: see " \
	"arc-relay(1).\n"

/* The last rows of every table, found by their names. */
#define CMD_LAST_ROWS							\
	{ 'v', "verbose", NULL, "tell on stderr what is done; -vv: more", 1 }, \
	{ 'h', "help", NULL, "this text", 0 },				\
	{ 0, NULL, NULL, NULL, 0 }

/*
 * Reads the command line of a verb.  Starts the log as --verbose says.  For
 * --help prints usage ("credentials [OPTION ...] TARGET"), the options and
 * about (text that follows them, or NULL).
 * Returns 0; 1 when that was all; or -1 with EX_USAGE.
 */
int	 cmd_parse(const struct option_row *table, const char *usage,
	    const char *about, int argc, char **argv, struct options *o,
	    struct err *e);

/*
 * Prints the rest of a line that has so many columns already, broken at blanks and
 * indented; and its end.
 */
void	 cmd_print_words(size_t column, size_t indent, const char *text);

/*
 * Prints a document as one line.  j is taken; not whole: there was no memory for all
 * of it, or not UTF-8 in it.  Returns 0; or -1, EX_OSERR or EX_IOERR.
 */
int	 cmd_print_json(struct js *j, bool whole, struct err *e);

/*
 * An array that is printed while it is made, an element a line.  j is taken; not
 * whole: there was no memory for all of it.
 * cmd_array_end returns 0, or -1: one was not whole, or EX_IOERR.
 */
struct cmd_array {
	size_t	n;
	bool	incomplete;
};
void	 cmd_array_add(struct cmd_array *a, struct js *j, bool whole);
int	 cmd_array_end(const struct cmd_array *a, struct err *e);

/*
 * A time, Unix seconds: "2026-11-21T11:05:00Z" for programs, and in the time of
 * the place for people, "2026-11-21 12:05:00 CET".  Each returns out.
 */
#define CMD_TIME_MAX	64
const char *cmd_utc(int64_t t, char out[CMD_TIME_MAX]);
const char *cmd_local(int64_t t, char out[CMD_TIME_MAX]);

/* The cloud that the first rows say.  Returns 0, or -1 as cloud_load does. */
int	 cmd_cloud(const struct options *o, struct cloud *c, struct err *e);

/*
 * For a verb whose TARGET was resolved (target_resolve) by names of age_s: has
 * them renewed in the background if they are old (proxy/renew.h).
 */
void	 cmd_renew_names(const struct options *o, const struct cloud *c,
	    const char *credential, long age_s);

#endif
