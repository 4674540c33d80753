/*
 * What a person reads on stderr while the program runs.  Errors that end the
 * program are not logged, they are returned (relay/err.h).
 */
#ifndef RELAY_LOG_H
#define RELAY_LOG_H

#include <stdbool.h>
#include <stddef.h>

enum log_level { LOG_QUIET, LOG_VERBOSE, LOG_DEBUG };

/*
 * Call once, before anything else.  json: one object a line
 * {"level":..,"msg":..,"proxyVersion":..,"time":..} instead of "program: msg".
 */
void	 log_init(const char *program, enum log_level level, bool json);

/* True if -v (LOG_VERBOSE) or -vv (LOG_DEBUG) was given. */
bool	 log_wants(enum log_level level);

/*
 * One line to stderr; never blocks: when nobody reads stderr the line is lost.
 * Never give it a secret: say its length instead.
 */
void	 log_verbose(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void	 log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * Numbers at -v, "dns 3 tcp 12 ms"; a negative one is left out.  In JSON each is a
 * member as well, by its name, which needs no escape.
 */
struct log_number {
	const char	*name;
	long long	 n;
};
void	 log_numbers(const struct log_number *numbers, size_t n,
	    const char *unit);

/*
 * Makes a string safe to show: what is not printable ASCII becomes '?'.  Peers,
 * files and libraries may say anything, escape sequences for a terminal too.
 */
void	 log_clean(char *s);

/* A line that is always shown, under the given level name ("fatal", "warning"). */
void	 log_always(const char *level_name, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

#endif
