/*
 * NO_PROXY: the hosts that are reached without a proxy.  Pure.
 */
#ifndef RELAY_NOPROXY_H
#define RELAY_NOPROXY_H

#include <stdbool.h>

/*
 * Is host:port on the list?  Its entries stand between commas or blanks, in any
 * case:
 *	*			every host
 *	example.com		that host and those below it; ".example.com",
 *				"*.example.com" and "example.com." are the same
 *	192.0.2.1, 2001:db8::1	that address, [2001:db8::1] too
 *	10.0.0.0/8, fc00::/7	those addresses
 *	ENTRY:443		only that port; of IPv6: [2001:db8::1]:443
 * host: a name or an address as it is typed, in brackets or not.  A name is not
 * resolved: it never matches an address.  An entry that is none of these matches
 * nothing.  NULL is an empty list.
 */
bool	 noproxy_has(const char *list, const char *host, int port);

#endif
