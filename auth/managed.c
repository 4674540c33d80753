/*
 * Managed identities without asking, see managed.h.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "auth/http.h"
#include "auth/json.h"
#include "auth/managed.h"
#include "auth/text.h"
#include "relay/err.h"
#include "relay/secret.h"

#define IMDS_HOST	"http://169.254.169.254"
#define IMDS_PATH	"/metadata/identity/oauth2/token"
#define HIMDS_URL	"http://127.0.0.1:40342" IMDS_PATH
#define LIFE_MIN_S	60
#define LIFE_MAX_S	(24 * 3600)

/* Cloud Shell gives no choice of an identity, and the Arc agent has one. */
static const struct flavour {
	const char	*name;		/* to show */
	const char	*path;		/* added to base; or "" */
	const char	*version;	/* of its API; NULL: posts a form instead */
	bool		 takes_client;
	bool		 is_loopback;	/* what we send there proves who we are */
	const char	*assign;	/* the fix when no identity is assigned */
} flavours[] = {
	[MANAGED_NONE] = { "", "", NULL, false, false, "" },
	[MANAGED_OTHER] = { "Service Fabric or Azure ML", "", NULL, false,
	    false, "" },
	[MANAGED_APP_SERVICE] = { "App Service", "", "2019-08-01", true, false,
	    "az webapp identity assign -g GROUP -n APP" },
	[MANAGED_CLOUD_SHELL] = { "Cloud Shell", "", NULL, false, false,
	    "open a new Cloud Shell" },
	[MANAGED_ARC] = { "the Azure Arc agent", "", "2020-06-01", false, true,
	    "see: azcmagent show" },
	[MANAGED_IMDS] = { "IMDS", IMDS_PATH, "2018-02-01", true, false,
	    "az vm identity assign -g GROUP -n VM" },
};

static bool
is_set(const char *s)
{
	return (s != NULL && s[0] != '\0');
}

static void
choose(struct managed *m, enum managed_kind kind, bool meant, const char *base,
    const char *variable)
{
	m->kind = kind;
	m->meant = m->meant || meant;
	m->name = flavours[kind].name;
	m->base = base;
	m->variable = variable;
}

void
managed_find(const struct managed_signs *s, struct managed *m)
{
	bool identity = is_set(s->identity_endpoint);
	bool header = identity && is_set(s->identity_header);
	bool msi = is_set(s->msi_endpoint);

	*m = (struct managed){ .meant = s->by_name };
	if ((header && is_set(s->thumbprint)) ||
	    (!header && msi && is_set(s->msi_secret)))
		choose(m, MANAGED_OTHER, false, "", NULL);
	else if (header)
		choose(m, MANAGED_APP_SERVICE, true, s->identity_endpoint,
		    "IDENTITY_ENDPOINT");
	else if (msi)
		choose(m, MANAGED_CLOUD_SHELL, true, s->msi_endpoint,
		    "MSI_ENDPOINT");
	else if (identity && is_set(s->imds_endpoint))
		choose(m, MANAGED_ARC, true, s->identity_endpoint,
		    "IDENTITY_ENDPOINT");
	else if (s->has_himds)
		choose(m, MANAGED_ARC, false, HIMDS_URL, NULL);
	else if (is_set(s->pod_host))
		choose(m, MANAGED_IMDS, false, s->pod_host,
		    "AZURE_POD_IDENTITY_AUTHORITY_HOST");
	else if (s->by_name || s->is_azure_vm)
		choose(m, MANAGED_IMDS, false, IMDS_HOST, NULL);
	else
		choose(m, MANAGED_NONE, false, "", NULL);
	if (flavours[m->kind].takes_client && is_set(s->client_id))
		m->client_id = s->client_id;
}

/* Of a URL that is local. */
static bool
is_loopback(const char *url)
{
	const char *host = url + strlen("http://");

	return (strncasecmp(host, "localhost", 9) == 0 ||
	    strncmp(host, "127.", 4) == 0 || strncmp(host, "[::1]", 5) == 0);
}

int
managed_check(const struct managed *m, struct err *e)
{
	bool loopback = flavours[m->kind].is_loopback;

	if (http_is_local_url(m->base) && (!loopback || is_loopback(m->base)))
		return (0);
	err_set(e, EX_CONFIG, "E313", "%s does not lead to this machine: no "
	    "token is asked for there",
	    m->variable != NULL ? m->variable : m->name);
	return (err_fix(e, "unset it, or make it http:// and a loopback%s "
	    "address", loopback ? "" : " or link-local"));
}

static int
add(struct secret *s, const char *text)
{
	return (text_append(s, text, strlen(text), SIZE_MAX - 1));
}

/* name is of unreserved characters and "=". */
static int
add_value(struct secret *s, const char *name, const char *value)
{
	return (add(s, name) == -1 ? -1 : text_percent(s, value, ""));
}

int
managed_ask(const struct managed *m, const char *resource, struct secret *url,
    struct secret *form)
{
	const struct flavour *f = &flavours[m->kind];
	size_t len = strlen(m->base);

	secret_free(url);
	secret_free(form);
	if (f->path[0] != '\0')
		while (len > 0 && m->base[len - 1] == '/')
			len--;
	if (text_append(url, m->base, len, SIZE_MAX - 1) == -1 ||
	    add(url, f->path) == -1)
		return (-1);
	if (f->version == NULL)
		return (add_value(form, "resource=", resource));
	if (add(url, strchr(m->base, '?') != NULL ? "&" : "?") == -1 ||
	    add_value(url, "api-version=", f->version) == -1 ||
	    add_value(url, "&resource=", resource) == -1)
		return (-1);
	return (m->client_id == NULL ? 0 :
	    add_value(url, "&client_id=", m->client_id));
}

/* Seconds since 1970; or a date of UTC, as App Service wrote it at first. */
static int
read_end(const struct js *j, int64_t *end)
{
	static const char *const forms[] = { "%m/%d/%Y %I:%M:%S %p +00:00",
	    "%m/%d/%Y %H:%M:%S +00:00", "%Y-%m-%dT%H:%M:%SZ" };
	const char *date = js_string(j, "expires_on"), *rest;
	size_t i;

	if (js_integer(j, "expires_on", end) == 0)
		return (0);
	for (i = 0; date != NULL && i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct tm tm = { .tm_isdst = 0 };

		if ((rest = strptime(date, forms[i], &tm)) != NULL &&
		    *rest == '\0') {
			*end = timegm(&tm);
			return (0);
		}
	}
	return (-1);
}

static int64_t
life_s(const struct js *j, int64_t now)
{
	int64_t end, life = LIFE_MIN_S;

	if (read_end(j, &end) == 0)
		life = end > now ? end - now : 0;
	else
		(void)js_integer(j, "expires_in", &life);
	if (life < LIFE_MIN_S)
		return (LIFE_MIN_S);
	return (life < LIFE_MAX_S ? life : LIFE_MAX_S);
}

int
managed_read(const struct managed *m, const char *text, size_t len,
    int64_t now, struct secret *token, int64_t *expires_on, struct err *e)
{
	char why[JS_WHY_MAX];
	struct js *j = js_parse(text, len, why);
	const char *got = js_string(j, "access_token");
	int rc = -1;

	if (j == NULL) {
		err_set(e, EX_PROTOCOL, "E607", "the answer of %s %s", m->name,
		    why);
		err_fix(e, "something else may answer in its place%s%s",
		    m->variable != NULL ? ": check " : "",
		    m->variable != NULL ? m->variable : "");
	} else if (got == NULL)
		err_set(e, EX_PROTOCOL, "E412", "the answer of %s has no "
		    "access_token", m->name);
	else if ((rc = secret_set(token, got, strlen(got))) == -1)
		err_set(e, EX_OSERR, "", "out of memory");
	*expires_on = now + life_s(j, now);
	js_free(j);
	return (rc);
}

bool
managed_is_type(const char *text, size_t len, const char *type)
{
	char why[JS_WHY_MAX];
	struct js *j = js_parse(text, len, why);
	const char *said = js_string(j, "token_type");
	bool is = said != NULL && strcasecmp(said, type) == 0;

	js_free(j);
	return (is);
}

static void
tell(const struct managed *m, const char *words, bool missing, struct err *e)
{
	int len = (int)strcspn(words, "\r\n");

	while (len > 0 && words[len - 1] == '.')
		len--;
	if (!missing)
		err_set(e, EX_NOUSER, "E309", "%s gives no token: %.*s",
		    m->name, len < 150 ? len : 150, words);
	else if (m->client_id != NULL)
		err_set(e, EX_NOUSER, "E309", "no managed identity with "
		    "the client id %.60s is assigned here (%s: %.*s)",
		    m->client_id, m->name, len < 90 ? len : 90, words);
	else
		err_set(e, EX_NOUSER, "E309", "no managed identity is "
		    "assigned here (%s: %.*s)", m->name, len < 90 ? len : 90, words);
	if (strstr(words, "AADSTS") != NULL)
		err_fix(e, "look the number up: "
		    "https://login.microsoftonline.com/error");
	else if (strncmp(words, "Multiple ", 9) == 0)
		err_fix(e, "export AZURE_CLIENT_ID=CLIENT-ID, of the one to "
		    "use");
	else if (missing && m->client_id != NULL)
		err_fix(e, "check AZURE_CLIENT_ID, or: %s --identities ID",
		    flavours[m->kind].assign);
	else if (missing)
		err_fix(e, "%s", flavours[m->kind].assign);
	else
		err_fix(e, "choose another: --credential NAME, or az login");
}

int
managed_refused(const struct managed *m, int status, const char *text,
    size_t len, bool *missing, struct err *e)
{
	char why[JS_WHY_MAX];
	struct js *j = js_parse(text, len, why);
	const char *word = js_string(j, "error");
	const char *words = js_string(j, "error_description");

	if (words == NULL)
		words = js_string(j, "message");	/* App Service */
	if (words == NULL)
		words = js_string(j, "error.message");	/* Cloud Shell */
	if (words == NULL)
		words = word;
	/* App Service has no word for it, and refuses nothing else with 400 */
	*missing = status == 400 && words != NULL && (word != NULL ?
	    strcmp(word, "identity_not_found") == 0 :
	    m->kind == MANAGED_APP_SERVICE);
	if (words != NULL && status >= 400)
		tell(m, words, *missing, e);
	js_free(j);
	return (words != NULL && status >= 400 ? 0 : -1);
}
