/*
 * The upgrade request, see endpoint.h.
 */
#include <stdint.h>
#include <stdio.h>

#include "relay/crypto.h"
#include "relay/endpoint.h"
#include "relay/err.h"
#include "relay/info.h"

void
endpoint_new_id(char id[ENDPOINT_ID_SIZE])
{
	_Static_assert(ENDPOINT_ID_SIZE == UUID_SIZE, "an id is a UUID");
	crypto_uuid(id);
}

int
endpoint_build(struct endpoint *ep, const struct relay_info *info, int port,
    const char *id, struct err *e)
{
	int n;

	*ep = (struct endpoint){ .nheader = 0 };
	n = snprintf(ep->host, sizeof(ep->host), "%s.%s", info->namespace_name,
	    info->namespace_suffix);
	if (n >= (int)sizeof(ep->host))
		return (err_set(e, EX_DATAERR, "E106", "relay information: the "
		    "host name is longer than %d bytes", ENDPOINT_HOST_MAX));

	/* the name is checked: nothing in it needs percent-encoding */
	n = snprintf(ep->path, sizeof(ep->path),
	    "/$hc/%s?sb-hc-action=connect&sb-hc-id=%s", info->hybrid_connection,
	    id);
	if (n >= (int)sizeof(ep->path) || info->access_key.len +
	    info->service_token.len > ENDPOINT_HEADERS_MAX)
		return (err_set(e, EX_DATAERR, "E106", "relay information: the "
		    "tokens have %zu and %zu bytes, more than a request can "
		    "hold", info->access_key.len, info->service_token.len));

	(void)snprintf(ep->target, sizeof(ep->target), "localhost:%d", port);
	ep->header[ep->nheader++] = (struct header){
	    "ServiceBusAuthorization:", info->access_key.data };
	if (info->service_token.len > 0)
		ep->header[ep->nheader++] = (struct header){
		    "Service-Configuration-Token:", info->service_token.data };
	ep->header[ep->nheader++] = (struct header){
	    "Microsoft-Guestgateway-Target:", ep->target };
	return (0);
}
