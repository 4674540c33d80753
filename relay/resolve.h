/*
 * A name becomes addresses in a thread, so that a resolver that does not answer
 * stops neither the deadline nor the wish of ssh to leave, and so that the
 * trust store can be read meanwhile.
 */
#ifndef RELAY_RESOLVE_H
#define RELAY_RESOLVE_H

struct addrinfo;
struct resolver;

/*
 * Starts to resolve host (a name, or an address as text) for TCP to port.
 * Returns NULL when the system has no thread or descriptor to give (errno).
 */
struct resolver *resolver_start(const char *host, int port);

/* Readable when the answer is there. */
int	 resolver_fd(const struct resolver *r);

/*
 * The answer.  Call when resolver_fd is readable, once.
 * Returns 0 and gives *list (free with freeaddrinfo), or an EAI_ error of
 * getaddrinfo(3).
 */
int	 resolver_result(struct resolver *r, struct addrinfo **list);

/* Frees r; an answer that comes later is thrown away.  NULL is allowed. */
void	 resolver_free(struct resolver *r);

#endif
