/*
 * Relay information as text, see relayinfo.h.
 */
#include <stdio.h>
#include <string.h>

#include "auth/json.h"
#include "auth/relayinfo.h"
#include "relay/crypto.h"
#include "relay/err.h"
#include "relay/info.h"

#define BLANKS	" \t\r\n"

static int
bad(struct err *e, const char *subject, const char *what)
{
	return (err_set(e, EX_DATAERR, "E106", "relay information: %s%s%s",
	    subject, subject[0] != '\0' ? " " : "", what));
}

static int
get_name(const struct js *j, const char *path, char *out, size_t size,
    struct err *e)
{
	const char *s = js_string(j, path);

	if (s == NULL)
		return (bad(e, path, "is missing"));
	if (strlen(s) >= size)
		return (bad(e, path, "is too long"));
	(void)snprintf(out, size, "%s", s);
	return (0);
}

static int
get_token(const struct js *j, const char *path, struct secret *out,
    struct err *e)
{
	const char *s = js_string(j, path);

	if (s == NULL)
		return (bad(e, path, "is missing"));
	if (secret_set(out, s, strlen(s)) == -1)
		return (err_set(e, EX_OSERR, "", "out of memory"));
	return (0);
}

int
relayinfo_get(const struct js *j, struct relay_info *info, struct err *e)
{
	if (get_name(j, "relay.namespaceName", info->namespace_name,
	    sizeof(info->namespace_name), e) == -1 ||
	    get_name(j, "relay.namespaceNameSuffix", info->namespace_suffix,
	    sizeof(info->namespace_suffix), e) == -1 ||
	    get_name(j, "relay.hybridConnectionName", info->hybrid_connection,
	    sizeof(info->hybrid_connection), e) == -1 ||
	    get_token(j, "relay.accessKey", &info->access_key, e) == -1)
		return (-1);
	/* what agents before 1.31 do not need may be left out */
	if (js_at(j, "relay.serviceConfigurationToken") != NULL &&
	    get_token(j, "relay.serviceConfigurationToken",
	    &info->service_token, e) == -1)
		return (-1);
	if (js_integer(j, "relay.expiresOn", &info->expires_on) == -1)
		return (bad(e, "relay.expiresOn", "is missing"));
	return (0);
}

static int
from_json(const char *text, size_t len, struct relay_info *info, struct err *e)
{
	char why[JS_WHY_MAX];
	struct js *j = js_parse(text, len, why);
	int rc = j != NULL ? relayinfo_get(j, info, e) : bad(e, "", why);

	js_free(j);
	return (rc);
}

int
relayinfo_parse(const char *text, size_t len, struct relay_info *info,
    struct err *e)
{
	struct secret plain = SECRET_INIT;
	ptrdiff_t n;
	int rc = -1;

	if (len > RELAYINFO_MAX)
		return (bad(e, "", "is larger than 64 KiB"));
	while (len > 0 && strchr(BLANKS, *text) != NULL && *text != '\0') {
		text++;
		len--;
	}
	if (len == 0)
		return (bad(e, "", "is empty"));
	if (*text == '{')
		return (from_json(text, len, info, e));
	if (secret_set(&plain, text, len) == -1)
		return (err_set(e, EX_OSERR, "", "out of memory"));
	if ((n = crypto_unbase64(text, len, plain.data, plain.len)) <= 0)
		bad(e, "", "is neither JSON nor base64");
	else
		rc = from_json(plain.data, (size_t)n, info, e);
	secret_free(&plain);
	return (rc);
}

int
relayinfo_put(const struct relay_info *info, struct js *j)
{
	if (js_set_string(j, "relay.namespaceName",
	    info->namespace_name) == -1 ||
	    js_set_string(j, "relay.namespaceNameSuffix",
	    info->namespace_suffix) == -1 ||
	    js_set_string(j, "relay.hybridConnectionName",
	    info->hybrid_connection) == -1 ||
	    js_set_string(j, "relay.accessKey", info->access_key.data) == -1 ||
	    js_set_integer(j, "relay.expiresOn", info->expires_on) == -1 ||
	    (info->service_token.len > 0 && js_set_string(j,
	    "relay.serviceConfigurationToken", info->service_token.data) == -1))
		return (-1);
	return (0);
}

int
relayinfo_format(const struct relay_info *info, struct secret *out)
{
	struct js *j = js_object();
	int rc = relayinfo_put(info, j) == 0 ? js_dump(j, out) : -1;

	js_free(j);
	return (rc);
}
