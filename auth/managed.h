/*
 * Managed identities: which token service this machine has, how it is asked and
 * what its answers mean (arc-relay-protocol(7), TOKENS).  Opens nothing and asks
 * nobody.
 */
#ifndef AUTH_MANAGED_H
#define AUTH_MANAGED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relay/secret.h"

struct err;

enum managed_kind {
	MANAGED_NONE,		/* nothing says that there is one */
	MANAGED_OTHER,		/* Service Fabric, Azure ML: there is, not for us */
	MANAGED_APP_SERVICE,	/* and Functions, Container Apps */
	MANAGED_CLOUD_SHELL,
	MANAGED_ARC,
	MANAGED_IMDS,		/* Azure's virtual machines */
};

/* What the environment and the machine show; NULL or "": not set. */
struct managed_signs {
	const char	*identity_endpoint;	/* IDENTITY_ENDPOINT */
	const char	*identity_header;	/* IDENTITY_HEADER: a secret */
	const char	*thumbprint;		/* IDENTITY_SERVER_THUMBPRINT */
	const char	*msi_endpoint;		/* MSI_ENDPOINT */
	const char	*msi_secret;		/* MSI_SECRET */
	const char	*imds_endpoint;		/* IMDS_ENDPOINT */
	const char	*pod_host;		/* AZURE_POD_IDENTITY_AUTHORITY_HOST */
	const char	*client_id;		/* AZURE_CLIENT_ID */
	bool		 has_himds;	/* the Azure Arc agent is installed */
	bool		 is_azure_vm;	/* so the firmware says */
	bool		 by_name;	/* the user chose this source */
};

struct managed {
	enum managed_kind kind;
	/*
	 * Somebody set it up or chose it: what does not work is an error then,
	 * and otherwise a reason to try the next source.
	 */
	bool		 meant;
	const char	*name;		/* to show */
	const char	*base;		/* URL without query; lent by the signs */
	const char	*variable;	/* where base is from; NULL: built in */
	const char	*client_id;	/* of a user-assigned identity; NULL */
};

/*
 * Which one it is, in the order of Azure's SDKs.  The variables of a kind that
 * is not ours hide the kinds after it.  IMDS is one only where it was chosen,
 * set up or is sure to be Azure's: anywhere else the address may be anybody's.
 */
void	 managed_find(const struct managed_signs *s, struct managed *m);

/*
 * Does base stay on this machine (IMDS: on its link)?  A token service is asked
 * by plain HTTP.  Returns 0, or -1 with E313, which names the variable.
 */
int	 managed_check(const struct managed *m, struct err *e);

/*
 * The URL to ask for a token of resource; and the form to post there, which
 * stays empty where it is a GET.  Returns 0, or -1 (no memory).
 */
int	 managed_ask(const struct managed *m, const char *resource,
	    struct secret *url, struct secret *form);

/*
 * Reads a good answer (status 200); now: Unix seconds.  Gives the token and when
 * it ends (from a minute to a day).  Returns 0, or -1 with E412 (no token in it)
 * or E607 (no JSON at all).
 */
int	 managed_read(const struct managed *m, const char *text, size_t len,
	    int64_t now, struct secret *token, int64_t *expires_on,
	    struct err *e);

/* Does a good answer say that what it brings is of that type ("ssh-cert")? */
bool	 managed_is_type(const char *text, size_t len, const char *type);

/*
 * What an error answer means: E309.  missing: there is no such identity.
 * Returns 0, or -1 when text is no such answer.
 */
int	 managed_refused(const struct managed *m, int status, const char *text,
	    size_t len, bool *missing, struct err *e);

#endif
