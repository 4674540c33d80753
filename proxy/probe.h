/*
 * arc-relay-proxy --probe: dials as a session does, up to the first word of the
 * machine's SSH server, and tells in one line of JSON how far it came.
 */
#ifndef PROXY_PROBE_H
#define PROXY_PROBE_H

#include <stdio.h>

struct err;
struct opts;

/*
 * Dials, reads the server's identification, sends none, and ends the session.
 * Prints the line to out; when *e has an error of the command line, that alone.
 * Returns 0; or -1 with the error that is in the line too.  A signal, or a reader
 * of stdout that is gone, end it at once.
 */
int	 probe(const struct opts *o, FILE *out, struct err *e);

#endif
