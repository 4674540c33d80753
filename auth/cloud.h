/*
 * Azure clouds as data: public, US Government, China, and a custom one from a
 * file that the user names.
 */
#ifndef AUTH_CLOUD_H
#define AUTH_CLOUD_H

#include "relay/network.h"

struct err;

struct cloud {
	char	name[64];		/* "AzureCloud", or the custom name */
	char	management[256];	/* "https://management.azure.com", no slash at the end */
	char	audience[256];		/* of its tokens; mostly the same; no slash added */
	char	authority[256];		/* "https://login.microsoftonline.com" */
	char	relay_suffix[101];	/* "servicebus.windows.net"; or "": none but Azure's */
	char	ssh_scope[128];		/* of SSH certificates; or "": it has none */
	struct network net;		/* the way to all of them */
};

/*
 * The cloud to talk to: that of the JSON file (arc-relay(1), CLOUD FILE); else
 * the name, or that of ARC_RELAY_CLOUD or AZURE_CLOUD_NAME; else the one whose
 * login host AZURE_AUTHORITY_HOST is; else the one that the Azure CLI is set to;
 * else the public cloud.  A name, in any case, is of a built-in cloud or of one
 * that was registered with the Azure CLI.
 *
 * AZURE_AUTHORITY_HOST is the authority then, if it is a login host of Microsoft
 * or what the cloud has anyway.  Everything else is refused, and nothing is ever
 * taken from the working directory: it decides where tokens go.
 * Returns 0, or -1 with an error (EX_NOINPUT, EX_DATAERR, EX_CONFIG, E313).
 */
int	 cloud_load(struct cloud *c, const char *name, const char *file,
	    struct err *e);

/*
 * What the user said about the way there (relay/network.h): --ca-file, --proxy,
 * --proxy-auth-file.  NULL: not said, c stays as it is.  Looks whether that and
 * the trusted certificates are good, before anything is dialled.
 * Returns 0, or -1 with EX_USAGE or EX_CONFIG.
 */
int	 cloud_network(struct cloud *c, const char *ca_file, const char *proxy,
	    const char *proxy_auth_file, struct err *e);

#endif
