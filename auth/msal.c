/*
 * The Azure CLI's token cache, see msal.h.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "auth/loginhost.h"
#include "auth/msal.h"
#include "auth/text.h"

#define FAMILY	"1"	/* refresh tokens that serve all of Microsoft's clients */

/* Older names of the management endpoints as an audience. */
static const char *const older[][2] = {
	{ "https://management.azure.com", "https://management.core.windows.net" },
	{ "https://management.usgovcloudapi.net",
	    "https://management.core.usgovcloudapi.net" },
	{ "https://management.chinacloudapi.cn",
	    "https://management.core.chinacloudapi.cn" },
};

/* Is the member there, and the same in any case? */
static bool
says(const struct js *entry, const char *name, const char *what)
{
	const char *s = js_string(entry, name);

	return (s != NULL && strcasecmp(s, what) == 0);
}

/* Is the entry of the login host in authority? */
static bool
is_of_host(const struct js *entry, const char *authority)
{
	const char *environment = js_string(entry, "environment");
	const char *host = strstr(authority, "://");
	char name[256];

	host = host != NULL ? host + 3 : authority;
	(void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(host, ":/"),
	    host);
	return (environment != NULL && login_host_same(environment, name));
}

/* Are these len bytes the audience, with or without a slash at the end? */
static bool
is_audience(const char *text, size_t len, const char *audience)
{
	size_t n = strlen(audience);

	if (n > 0 && audience[n - 1] == '/')
		n--;
	if (len > 0 && text[len - 1] == '/')
		len--;
	return (len == n && strncasecmp(text, audience, n) == 0);
}

static bool
is_for(const char *scope, size_t len, const char *audience)
{
	static const char suffix[] = "/.default";
	size_t i, n = sizeof(suffix) - 1;

	if (len < n || strncasecmp(scope + len - n, suffix, n) != 0)
		return (false);
	len -= n;
	if (is_audience(scope, len, audience))
		return (true);
	for (i = 0; i < sizeof(older) / sizeof(older[0]); i++)
		if (is_audience(audience, strlen(audience), older[i][0]))
			return (is_audience(scope, len, older[i][1]));
	return (false);
}

/* Is one of the scopes for the audience? */
static bool
has_audience(const struct js *entry, const char *audience)
{
	const char *scope = js_string(entry, "target");
	size_t len;

	for (; scope != NULL && *scope != '\0'; scope += len) {
		scope += strspn(scope, " ");
		len = strcspn(scope, " ");
		if (is_for(scope, len, audience))
			return (true);
	}
	return (false);
}

/* The id under which the user's tokens are kept; NULL: none, or more than one. */
static const char *
find_home(const struct js *cache, const struct msal_want *w)
{
	const struct js *entry;
	const char *home = NULL, *id;
	void *at = NULL;

	while ((entry = js_each(js_at(cache, "Account"), &at)) != NULL) {
		if (!says(entry, "username", w->user) ||
		    !is_of_host(entry, w->authority) ||
		    (id = js_string(entry, "home_account_id")) == NULL)
			continue;
		if (home != NULL && strcasecmp(home, id) != 0)
			return (NULL);
		home = id;
	}
	return (home);
}

/* Replaces old by the secret of an entry, if that is one word. */
static int
take(const struct js *entry, struct secret *old)
{
	const char *s = js_string(entry, "secret");

	if (s == NULL || !text_is_visible(s, strlen(s)))
		return (-1);
	return (secret_set(old, s, strlen(s)));
}

/* Tokens that are bound to a key (ssh-cert, pop) are no use to us. */
static void
read_access(const struct js *cache, const struct msal_want *w,
    const char *home, struct msal_tokens *t)
{
	const struct js *entry;
	int64_t end;
	void *at = NULL;

	while ((entry = js_each(js_at(cache, "AccessToken"), &at)) != NULL)
		if (says(entry, "home_account_id", home) &&
		    says(entry, "client_id", MSAL_AZ_CLIENT) &&
		    says(entry, "realm", w->tenant) &&
		    says(entry, "token_type", "Bearer") &&
		    js_string(entry, "key_id") == NULL &&
		    is_of_host(entry, w->authority) &&
		    has_audience(entry, w->audience) &&
		    js_integer(entry, "expires_on", &end) == 0 &&
		    end > t->expires_on && take(entry, &t->access) == 0)
			t->expires_on = end;
}

static void
read_refresh(const struct js *cache, const struct msal_want *w,
    const char *home, struct msal_tokens *t)
{
	const struct js *entry;
	int64_t newest = -1, made;
	void *at = NULL;

	while ((entry = js_each(js_at(cache, "RefreshToken"), &at)) != NULL) {
		if (!says(entry, "home_account_id", home) ||
		    (!says(entry, "client_id", MSAL_AZ_CLIENT) &&
		    !says(entry, "family_id", FAMILY)) ||
		    !is_of_host(entry, w->authority))
			continue;
		if (js_integer(entry, "last_modification_time", &made) == -1)
			made = 0;
		if (made > newest && take(entry, &t->refresh) == 0)
			newest = made;
	}
}

int
msal_read(const char *text, size_t len, const struct msal_want *w,
    struct msal_tokens *t, char why[JS_WHY_MAX])
{
	struct js *cache = js_parse(text, len, why);
	const char *home;
	int rc = -1;

	if (cache == NULL)
		return (-1);
	if ((home = find_home(cache, w)) == NULL)
		(void)snprintf(why, JS_WHY_MAX,
		    "has not exactly one account of that name");
	else {
		read_access(cache, w, home, t);
		read_refresh(cache, w, home, t);
		rc = 0;
	}
	js_free(cache);
	return (rc);
}

void
msal_tokens_free(struct msal_tokens *t)
{
	secret_free(&t->access);
	secret_free(&t->refresh);
	*t = (struct msal_tokens)MSAL_TOKENS_INIT;
}
