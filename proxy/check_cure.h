/*
 * What arc-relay doctor --fix runs: a verb of ours.
 */
#ifndef PROXY_CHECK_CURE_H
#define PROXY_CHECK_CURE_H

#include <stddef.h>

#include "proxy/check.h"

#define CURE_WORDS_MAX	60
#define CURE_TEXT_MAX	4096	/* bytes */

/* argv lends from what it was made of, and from text. */
struct cure_command {
	const char	*argv[CURE_WORDS_MAX + 1];	/* "arc-relay", verb, ..; NULL */
	size_t		 n;
	char		 text[CURE_TEXT_MAX];
};

/*
 * The command of a cure, of all but CURE_MODES, with the options of doctor that lead
 * to Azure.  CURE_CONFIG: the one that wrote the configuration that is there, so that
 * none of its options is lost.
 * Returns 0; or -1 with EX_CONFIG: that configuration does not tell.
 */
int	 cure_command(enum check_cure cure, const struct check_env *env,
	    struct cure_command *c, struct err *e);

/*
 * Takes the line that begins what config install wrote apart again.  Returns 0; or
 * -1: it was cut, or is not from there.
 */
int	 cure_read_line(const char *line, struct cure_command *c);

/* As a person would type it, cut if it is longer than out.  Returns out. */
char	*cure_shown(const struct cure_command *c, char *out, size_t size);

#endif
