/*
 * Names that are old are used as they are, and renewed meanwhile by a process
 * that nobody waits for: arc-relay names --refresh.
 */
#ifndef PROXY_RENEW_H
#define PROXY_RENEW_H

struct cache;

/* How it shall ask, as options have it; NULL: not said. */
struct renew {
	const char	*cloud;
	const char	*cloud_file;
	const char	*ca_file;
	const char	*proxy;
	const char	*proxy_auth_file;
	const char	*credential;
};

/*
 * Starts it if names of age_s seconds are old and nobody has started one just
 * now.  It has a session of its own, none of our descriptors, and says nothing;
 * it is nobody's child, so that it leaves no zombie.
 */
void	 renew_names(const struct cache *c, const char *identity, long age_s,
	    const struct renew *r);

#endif
