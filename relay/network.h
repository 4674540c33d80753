/*
 * How we reach the outside, the same for the relay and for Azure's management
 * side: what the user said on the command line or in the cloud file.  What is
 * not said comes from the environment (relay/httpproxy.h, relay/trust.h).
 */
#ifndef RELAY_NETWORK_H
#define RELAY_NETWORK_H

struct network {
	char	ca_file[1024];		/* trust only this (PEM); or "" */
	char	proxy[512];		/* URL without user; "none"; or "" */
	char	proxy_auth_file[1024];	/* its first line is USER:PASSWORD; or "" */
};

#endif
