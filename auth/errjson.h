/*
 * An error on its way from arc-relay to arc-relay-proxy, as one line of JSON:
 *	{"error":{"status":77,"id":"E401","cause":"...","fix":"..."}}
 */
#ifndef AUTH_ERRJSON_H
#define AUTH_ERRJSON_H

#include <stddef.h>

struct err;
struct js;
struct secret;

/* The same within a document.  Each returns 0 or -1. */
int	 errjson_put(const struct err *e, struct js *j);
int	 errjson_get(const struct js *j, struct err *e);

/* Writes the line, without newline, into out.  Returns 0 or -1 (no memory). */
int	 errjson_format(const struct err *e, struct secret *out);

/* Returns 0 and fills *e when text is such a line; -1 when it is not. */
int	 errjson_parse(const char *text, size_t len, struct err *e);

#endif
