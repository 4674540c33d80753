/*
 * Goal: relay information becomes exactly the request that the relay expects,
 * or an error before anything is sent.
 */
#include <ctype.h>
#include <string.h>

#include "relay/endpoint.h"
#include "relay/err.h"
#include "relay/info.h"
#include "test/unit/tap.h"

#define ID	"0d3c0ee5-7d14-4d3b-9f1a-4c2b7b1f0a11"
#define PATH	"microsoft.hybridcompute/machines/" \
		"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08" \
		"/1730123456789012345/v2"
#define SAS	"SharedAccessSignature sr=http%3a%2f%2fa%2f&sig=canary%3d&se=17&skn=x"

static void
set_info(struct relay_info *info, const char *namespace_name,
    const char *service_token)
{
	*info = (struct relay_info)RELAY_INFO_INIT;
	(void)snprintf(info->namespace_name, sizeof(info->namespace_name),
	    "%s", namespace_name);
	(void)snprintf(info->namespace_suffix, sizeof(info->namespace_suffix),
	    "servicebus.windows.net");
	(void)snprintf(info->hybrid_connection, sizeof(info->hybrid_connection),
	    "%s", PATH);
	(void)secret_set(&info->access_key, SAS, strlen(SAS));
	(void)secret_set(&info->service_token, service_token,
	    strlen(service_token));
	info->expires_on = 1700000000;
}

static int
has_header(const struct endpoint *ep, size_t i, const char *name,
    const char *value)
{
	return (i < ep->nheader && strcmp(ep->header[i].name, name) == 0 &&
	    strcmp(ep->header[i].value, value) == 0);
}

static void
test_request(void)
{
	struct relay_info info;
	struct endpoint ep;
	struct err e = ERR_INIT;

	set_info(&info, "azgnrelay-eastus-l1", "eyJhbGciOi.eyJzdWIi.c2ln");
	ok(endpoint_build(&ep, &info, 22, ID, &e) == 0 && e.status == 0,
	    "built");
	ok(strcmp(ep.host, "azgnrelay-eastus-l1.servicebus.windows.net") == 0,
	    "host");
	ok(strcmp(ep.path, "/$hc/" PATH "?sb-hc-action=connect&sb-hc-id=" ID)
	    == 0, "path, dollar and slashes as they are");
	ok(ep.nheader == 3, "three headers");
	ok(has_header(&ep, 0, "ServiceBusAuthorization:", SAS),
	    "the token as it is, in a header");
	ok(strstr(ep.path, "canary") == NULL, "and not in the path");
	ok(has_header(&ep, 1, "Service-Configuration-Token:",
	    "eyJhbGciOi.eyJzdWIi.c2ln"), "the second token");
	ok(has_header(&ep, 2, "Microsoft-Guestgateway-Target:",
	    "localhost:22"), "the target");
	relay_info_free(&info);

	set_info(&info, "a", "");
	ok(endpoint_build(&ep, &info, 65535, ID, &e) == 0 && ep.nheader == 2 &&
	    has_header(&ep, 0, "ServiceBusAuthorization:", SAS) &&
	    has_header(&ep, 1, "Microsoft-Guestgateway-Target:",
	    "localhost:65535"), "without a service token two headers, port "
	    "65535");
	ok(endpoint_build(&ep, &info, 1, ID, &e) == 0 && has_header(&ep, 1,
	    "Microsoft-Guestgateway-Target:", "localhost:1"), "port 1");
	relay_info_free(&info);
}

static void
test_sizes(void)
{
	static char token[ENDPOINT_HEADERS_MAX + 1], name[201], id[1600];
	const size_t suffix = strlen(".servicebus.windows.net");
	const size_t fits = ENDPOINT_PATH_MAX - strlen("/$hc/" PATH
	    "?sb-hc-action=connect&sb-hc-id=");
	size_t room = ENDPOINT_HEADERS_MAX - strlen(SAS);
	struct relay_info info;
	struct endpoint ep;
	struct err e = ERR_INIT;

	memset(name, 'n', sizeof(name) - 1);
	name[ENDPOINT_HOST_MAX - suffix] = '\0';
	set_info(&info, name, "");
	ok(endpoint_build(&ep, &info, 22, ID, &e) == 0 &&
	    strlen(ep.host) == 127 &&
	    strcmp(ep.host + 127 - suffix, ".servicebus.windows.net") == 0,
	    "a host name of 127 bytes, whole");
	relay_info_free(&info);

	name[ENDPOINT_HOST_MAX - suffix] = 'n';
	name[ENDPOINT_HOST_MAX - suffix + 1] = '\0';
	set_info(&info, name, "");
	ok(endpoint_build(&ep, &info, 22, ID, &e) == -1 &&
	    e.status == EX_DATAERR && strcmp(e.id, "E106") == 0 &&
	    strstr(e.cause, "host") != NULL, "128 bytes: %s", e.cause);
	relay_info_free(&info);

	memset(token, 't', room);
	set_info(&info, "ns", token);
	e = (struct err)ERR_INIT;
	ok(endpoint_build(&ep, &info, 22, ID, &e) == 0 &&
	    strlen(ep.header[1].value) == room, "tokens of %d bytes together",
	    ENDPOINT_HEADERS_MAX);
	relay_info_free(&info);

	token[room] = 't';
	set_info(&info, "ns", token);
	ok(endpoint_build(&ep, &info, 22, ID, &e) == -1 &&
	    e.status == EX_DATAERR && strcmp(e.id, "E106") == 0, "one more: %s",
	    e.cause);
	ok(strstr(e.cause, "canary") == NULL && strstr(e.cause, "ttt") == NULL,
	    "and the error shows neither");
	relay_info_free(&info);

	set_info(&info, "ns", "");
	memset(id, 'i', sizeof(id) - 1);
	ok(endpoint_build(&ep, &info, 22, id, &e) == -1 &&
	    e.status == EX_DATAERR, "a path that does not fit is an error");
	id[fits + 1] = '\0';
	ok(endpoint_build(&ep, &info, 22, id, &e) == -1 &&
	    e.status == EX_DATAERR, "so is one of %d bytes",
	    ENDPOINT_PATH_MAX + 1);
	id[fits] = '\0';
	ok(endpoint_build(&ep, &info, 22, id, &e) == 0 &&
	    strlen(ep.path) == ENDPOINT_PATH_MAX, "one of %d bytes fits",
	    ENDPOINT_PATH_MAX);
	relay_info_free(&info);
}

static int
is_uuid4(const char *s)
{
	size_t i;

	for (i = 0; i < 36; i++) {
		int dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? s[i] != '-' : !isxdigit((unsigned char)s[i]) ||
		    isupper((unsigned char)s[i]))
			return (0);
	}
	return (s[36] == '\0' && s[14] == '4' && strchr("89ab", s[19]) != NULL);
}

static void
test_ids(void)
{
	static const char variant[] = "89ab";
	static char id[1000][ENDPOINT_ID_SIZE];
	int seen[sizeof(variant)] = { 0 };
	size_t i, k, odd = 0, same = 0;

	for (i = 0; i < 1000; i++) {
		memset(id[i], '#', sizeof(id[i]));
		endpoint_new_id(id[i]);
		odd += !is_uuid4(id[i]);
		seen[strcspn(variant, (char [2]){ id[i][19] })]++;
		for (k = 0; k < i; k++)
			same += strcmp(id[i], id[k]) == 0;
	}
	ok(odd == 0, "1000 ids are of the form of RFC 4122, version 4");
	ok(same == 0, "and all different");
	ok(seen[0] > 150 && seen[1] > 150 && seen[2] > 150 && seen[3] > 150,
	    "the two bits beside the variant are random");
}

int
main(void)
{
	test_request();
	test_sizes();
	test_ids();
	return (done_testing());
}
