/*
 * What a refusal of Azure Resource Manager means and what to do, see arm.h.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "auth/arm.h"
#include "auth/http.h"
#include "auth/http_fault.h"
#include "auth/text.h"
#include "relay/crypto.h"
#include "relay/err.h"

#define GUID_LEN	36

struct told {
	const struct arm_refusal	*why;
	const char			*path;		/* of the request */
};

/* What follows mark up to the next quote, as %.*s wants it; length 0: nothing. */
static int
quoted_after(const char *text, const char *mark, const char **start)
{
	const char *p = strstr(text, mark);

	*start = p != NULL ? p + strlen(mark) : "";
	return ((int)strcspn(*start, "'"));
}

/* The subscription that the path names. */
static int
subscription(const char *path, const char **start)
{
	static const char head[] = "/subscriptions/";
	size_t len;

	*start = path;
	if (strncasecmp(path, head, strlen(head)) != 0)
		return (0);
	*start += strlen(head);
	len = strcspn(*start, "/?");
	return (len == GUID_LEN ? (int)len : 0);
}

/* The last resource provider that the path names. */
static int
provider(const char *path, const char **start)
{
	static const char head[] = "/providers/";
	const char *p = path;

	*start = "Microsoft.HybridConnectivity";
	while ((p = strcasestr(p, head)) != NULL)
		*start = p += strlen(head);
	return ((int)strcspn(*start, "/?"));
}

static const char *
tenant(const struct told *t)
{
	return (t->why->tenant[0] != '\0' ? t->why->tenant : "TENANT");
}

static int
other_tenant(const struct told *t, struct err *e)
{
	err_set(e, EX_NOHOST, "E206", "you are logged in to another tenant "
	    "than the machine's%s%s", t->why->tenant[0] != '\0' ? ", which is "
	    : "", t->why->tenant);
	return (err_fix(e, "arc-relay login --tenant %s, or az login --tenant "
	    "%s", tenant(t), tenant(t)));
}

static int
no_subscription(const struct told *t, struct err *e)
{
	const char *sub;
	int len = subscription(t->path, &sub);

	err_set(e, EX_NOHOST, "E206", "no such subscription%s%.*s, or it is of "
	    "another tenant than your login", len > 0 ? " as " : "", len, sub);
	return (err_fix(e, "arc-relay login --tenant %s, or az login --tenant "
	    "%s", tenant(t), tenant(t)));
}

static int
not_registered(const struct told *t, struct err *e)
{
	const char *sub, *name;
	int sub_len = subscription(t->path, &sub);
	int name_len = provider(t->path, &name);

	err_set(e, EX_CONFIG, "E403", "%.*s is not registered in the "
	    "subscription", name_len, name);
	if (name_len == 28 && strncasecmp(name, "Microsoft.HybridConnectivity",
	    28) == 0)
		return (err_fix(e, "arc-relay register%s%.*s, then restart the "
		    "agent", sub_len > 0 ? " --subscription " : "", sub_len,
		    sub));
	return (err_fix(e, "az provider register -n %.*s%s%.*s, then restart "
	    "the agent", name_len, name, sub_len > 0 ? " --subscription " : "",
	    sub_len, sub));
}

/* The resource that the path is of, without what an extension hangs below it. */
static int
resource(const char *path)
{
	const char *end = strcasestr(path, "/providers/Microsoft.Hybrid"
	    "Connectivity");

	return ((int)(end != NULL ? (size_t)(end - path) :
	    strcspn(path, "?")));
}

static int
locked(const struct told *t, struct err *e)
{
	const char *scope;
	int len = quoted_after(t->why->message, "are locked: '", &scope);

	err_set(e, EX_NOPERM, "E410", "a read-only lock%s%.*s forbids it",
	    len > 0 ? " on " : "", len < 190 ? len : 190, scope);
	if ((len = resource(t->path)) > 200)	/* half a command is none */
		return (err_fix(e, "az lock list"));
	return (err_fix(e, "az lock list --resource %.*s", len, t->path));
}

static int
by_policy(const struct told *t, struct err *e)
{
	if (t->why->policy[0] == '\0')
		err_set(e, EX_NOPERM, "E411", "an Azure policy forbids it");
	else
		err_set(e, EX_NOPERM, "E411", "the Azure policy \"%s\" forbids "
		    "it", t->why->policy);
	return (err_fix(e, "ask the policy's owner"));
}

/* ARM names who may not do what where; which role allows it is our knowledge. */
static int
not_allowed(const struct told *t, struct err *e)
{
	const char *action, *scope;
	int n = quoted_after(t->why->message, "perform action '", &action);
	int scope_len = quoted_after(t->why->message, "over scope '", &scope);
	bool reads = n > 5 && strncasecmp(action + n - 5, "/read", 5) == 0;
	bool sets_up = n > 6 && strncasecmp(action + n - 6, "/write", 6) == 0 &&
	    strncasecmp(action, "Microsoft.HybridConnectivity/", 29) == 0;

	if (n == 0) {
		err_set(e, EX_NOPERM, "E401", "Azure forbids it: %.200s",
		    t->why->message[0] != '\0' ? t->why->message :
		    t->why->code);
		return (err_fix(e, "ask for a role that allows it"));
	}
	err_set(e, EX_NOPERM, reads ? "E402" : sets_up ? "E407" : "E401",
	    "you lack %.*s on %.*s", n, action, scope_len, scope);
	if (reads)
		return (err_fix(e, "ask for the role \"Reader\" there"));
	if (sets_up)
		return (err_fix(e, "setting SSH up needs the role "
		    "\"Contributor\" or \"Owner\" there"));
	return (err_fix(e, "ask for a role that allows it"));
}

/* Conditional Access wants another token than this one. */
static int
claims_wanted(const struct told *t, struct err *e)
{
	const char *of = t->why->tenant[0] != '\0' ? " --tenant " : "";
	const char *who = t->why->tenant;
	char claims[BASE64_SIZE(ARM_CLAIMS_MAX)], fix[3 * sizeof(claims)];

	err_set(e, EX_NOPERM, "E304", "Azure wants a fresh sign-in (MFA or "
	    "Conditional Access)");
	e->retry = RETRY_CREDENTIAL;
	crypto_base64(t->why->claims, strlen(t->why->claims), claims);
	/* half a command is none */
	if ((size_t)snprintf(fix, sizeof(fix), "arc-relay login%s%s --claims "
	    "%s, or az login%s%s --claims-challenge %s", of, who, claims, of,
	    who, claims) >= sizeof(e->fix) &&
	    (size_t)snprintf(fix, sizeof(fix), "arc-relay login%s%s --claims "
	    "%s", of, who, claims) >= sizeof(e->fix))
		(void)snprintf(fix, sizeof(fix), "arc-relay login%s%s, or az "
		    "login%s%s", of, who, of, who);
	return (err_fix(e, "%s", fix));
}

static int
token_refused(const struct told *t, struct err *e)
{
	const char *of = t->why->tenant[0] != '\0' ? " --tenant " : "";

	err_set(e, EX_NOUSER, "E303", "Azure does not take the token: %.160s",
	    t->why->code[0] != '\0' ? t->why->code : "status 401");
	e->retry = RETRY_CREDENTIAL;
	return (err_fix(e, "arc-relay login%s%s, or az login%s%s", of,
	    t->why->tenant, of, t->why->tenant));
}

int
arm_explain(const struct arm_refusal *why, const char *host, const char *path,
    const struct http_reply *reply, struct err *e)
{
	static const struct {
		const char	*code;
		int		(*say)(const struct told *, struct err *);
	} rows[] = {
		{ "InvalidAuthenticationTokenTenant", other_tenant },
		{ "SubscriptionNotFound", no_subscription },
		{ "NoRegisteredProviderFound", not_registered },
		{ "MissingSubscriptionRegistration", not_registered },
		{ "ScopeLocked", locked },
		{ "RequestDisallowedByPolicy", by_policy },
	};
	const struct told t = { why, path };
	size_t i;

	if (http_is_busy(why->status))
		return (http_refused(host, reply, e));
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcasecmp(why->code, rows[i].code) == 0)
			return (rows[i].say(&t, e));
	if (why->status == 401 && why->claims[0] != '\0')
		return (claims_wanted(&t, e));
	if (why->status == 401)
		return (token_refused(&t, e));
	if (why->code[0] == '\0' && why->message[0] == '\0')
		return (http_refused(host, reply, e));
	if (why->status == 403)
		return (not_allowed(&t, e));
	err_set(e, EX_PROTOCOL, "E412", "Azure refuses with status %d: %s: "
	    "%.160s", why->status, why->code, why->message);
	return (err_fix(e, HTTP_ODD_FIX));
}
