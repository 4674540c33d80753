/*
 * What is seen on the way of one request, from libcurl.  For http.c alone.
 */
#ifndef AUTH_HTTP_FACTS_H
#define AUTH_HTTP_FACTS_H

#include <stdbool.h>

struct http_facts;

/*
 * Before a request that has its way; curl: libcurl's handle.  The connection is
 * one of its own and is not kept.  only_shake_hands: believe whoever answers, and
 * end when TLS is up, before a byte of the request is sent.
 */
void	 http_facts_ask(void *curl, struct http_facts *f,
	    bool only_shake_hands);

/* After it, whatever came of it.  proxy: its name, or "". */
void	 http_facts_read(void *curl, const char *proxy, struct http_facts *f);

#endif
