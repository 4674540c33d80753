/*
 * Relay information: validation and expiry, see info.h.
 */
#include <string.h>

#include "relay/err.h"
#include "relay/info.h"

static const char *const azure_suffixes[] = {
	"servicebus.windows.net",
	"servicebus.usgovcloudapi.net",
	"servicebus.chinacloudapi.cn",
};

static bool
is_alnum(char c)
{
	return ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9'));
}

static bool
only(const char *s, const char *also)
{
	for (; *s != '\0'; s++)
		if (!is_alnum(*s) && strchr(also, *s) == NULL)
			return (false);
	return (true);
}

static bool
suffix_is_known(const char *suffix, const char *extra)
{
	size_t i;

	for (i = 0; i < sizeof(azure_suffixes) / sizeof(azure_suffixes[0]); i++)
		if (strcasecmp(suffix, azure_suffixes[i]) == 0)
			return (true);
	return (extra != NULL && extra[0] != '\0' &&
	    strcasecmp(suffix, extra) == 0);
}

/* Slashes between segments; no segment empty, "." or "..". */
static bool
path_is_plain(const char *path)
{
	size_t len;

	for (;;) {
		len = strcspn(path, "/");
		if (len == 0 || (len == 1 && path[0] == '.') ||
		    (len == 2 && path[0] == '.' && path[1] == '.'))
			return (false);
		if (path[len] == '\0')
			return (true);
		path += len + 1;
	}
}

/* What may stand in a header line: visible ASCII and spaces inside. */
static bool
token_is_plain(const struct secret *s)
{
	size_t i;

	if (s->len > 0 && (s->data[0] == ' ' || s->data[s->len - 1] == ' '))
		return (false);
	for (i = 0; i < s->len; i++)
		if (s->data[i] < 0x20 || s->data[i] > 0x7e)
			return (false);
	return (s->len <= INFO_TOKEN_MAX);
}

static int
bad(struct err *e, const char *field, const char *what)
{
	return (err_set(e, EX_DATAERR, "E106", "relay information: %s %s", field,
	    what));
}

int
relay_info_check(const struct relay_info *info, const char *extra_suffix,
    struct err *e)
{
	if (info->namespace_name[0] == '\0' ||
	    info->namespace_name[0] == '-' || !only(info->namespace_name, "-"))
		return (bad(e, "namespaceName", "is not a relay namespace"));
	if (!suffix_is_known(info->namespace_suffix, extra_suffix)) {
		err_set(e, EX_DATAERR, "E106", "relay information: "
		    "namespaceNameSuffix \"%.60s\" is not of an Azure cloud",
		    info->namespace_suffix);
		return (err_fix(e, "name the cloud with --cloud-file FILE, if "
		    "it is yours"));
	}
	if (!only(info->hybrid_connection, "-._~/") ||
	    !path_is_plain(info->hybrid_connection))
		return (bad(e, "hybridConnectionName", "is not a path of names"));
	if (info->access_key.len == 0 || !token_is_plain(&info->access_key))
		return (bad(e, "accessKey", "is not a token of one line"));
	if (!token_is_plain(&info->service_token))
		return (bad(e, "serviceConfigurationToken",
		    "is not a token of one line"));
	if (info->expires_on <= 0)
		return (bad(e, "expiresOn", "is not a time"));
	return (0);
}

bool
relay_info_is_expired(const struct relay_info *info, int64_t now,
    int64_t margin_s)
{
	int64_t end;

	if (__builtin_add_overflow(now, margin_s, &end))
		return (margin_s > 0);	/* after all times, or before all */
	return (info->expires_on < end);
}

void
relay_info_free(struct relay_info *info)
{
	secret_free(&info->access_key);
	secret_free(&info->service_token);
	*info = (struct relay_info)RELAY_INFO_INIT;
}
