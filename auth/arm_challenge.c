/*
 * WWW-Authenticate of Azure Resource Manager, see arm.h.  Two things in it help:
 * which tenant's tokens are wanted, and which claims one must have that
 * Conditional Access asks for while a session lasts (Continuous Access
 * Evaluation).
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "auth/arm.h"
#include "auth/json.h"
#include "auth/text.h"
#include "relay/crypto.h"
#include "relay/secret.h"

#define VALUE_MAX	BASE64_SIZE(ARM_CLAIMS_MAX)
#define BLANKS		" \t"

/* RFC 9110, 5.6.2; letters and digits come with it. */
#define TOKEN_MARKS	"!#$%&'*+-.^_`|~"

struct challenge {
	bool	is_bearer;
	bool	wants_claims;
	int	n_claims;	/* how often it has that parameter */
	char	claims[VALUE_MAX];
};

/* The length of the token at p. */
static size_t
token_len(const char *p)
{
	char c[2] = "";
	size_t n;

	for (n = 0; (c[0] = p[n]) != '\0' && text_only(c, TOKEN_MARKS); n++)
		;
	return (n);
}

/*
 * Steps over the value at p, a token or a quoted string, and copies it; one that
 * does not fit becomes "".  Returns what follows, or NULL.
 */
static const char *
take_value(const char *p, char out[VALUE_MAX])
{
	bool quoted = *p == '"';
	size_t n = 0, end = quoted ? 0 : token_len(p);

	out[0] = '\0';
	for (p += quoted; quoted ? *p != '"' : end-- > 0; p++) {
		if (quoted && *p == '\\')
			p++;
		if (*p == '\0')
			return (NULL);
		if (n < VALUE_MAX)
			out[n++] = *p;
	}
	out[n < VALUE_MAX ? n : 0] = '\0';
	return (p + quoted);
}

/* "https://login.microsoftonline.com/TENANT/oauth2/authorize" -> TENANT */
static void
keep_tenant(const char *url, struct arm_refusal *why)
{
	static const char *const none[] = { "common", "organizations",
	    "consumers" };
	const char *p = strstr(url, "://");
	char tenant[sizeof(why->tenant)];
	size_t i, len;

	if (p == NULL || (p = strchr(p + 3, '/')) == NULL)
		return;
	len = strcspn(++p, "/?#");
	if (len == 0 || len >= sizeof(tenant))
		return;
	(void)snprintf(tenant, sizeof(tenant), "%.*s", (int)len, p);
	for (i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		if (strcasecmp(tenant, none[i]) == 0)
			return;
	if (text_only(tenant, "-."))
		(void)snprintf(why->tenant, sizeof(why->tenant), "%s", tenant);
}

/* What the challenge that ends here asks for, if it is one for claims. */
static void
keep_claims(const struct challenge *ch, struct arm_refusal *why)
{
	char no_json[JS_WHY_MAX];
	struct js *j = NULL;
	ptrdiff_t n;

	if (!ch->is_bearer || !ch->wants_claims || ch->n_claims != 1)
		return;
	n = crypto_unbase64(ch->claims, strlen(ch->claims), why->claims,
	    sizeof(why->claims) - 1);
	if (n > 0 && why->claims[0] == '{')
		j = js_parse(why->claims, (size_t)n, no_json);
	why->claims[j != NULL ? n : 0] = '\0';
	js_free(j);
}

static void
keep(struct challenge *ch, const char *name, size_t len, const char *value,
    struct arm_refusal *why)
{
	if (!ch->is_bearer)
		return;
	if (len == 17 && strncasecmp(name, "authorization_uri", len) == 0)
		keep_tenant(value, why);
	else if (len == 5 && strncasecmp(name, "error", len) == 0)
		ch->wants_claims = strcmp(value, "insufficient_claims") == 0;
	else if (len == 6 && strncasecmp(name, "claims", len) == 0) {
		ch->n_claims++;
		(void)snprintf(ch->claims, sizeof(ch->claims), "%s", value);
	}
}

void
arm_challenge_parse(const char *header, struct arm_refusal *why)
{
	struct challenge ch = { .is_bearer = false };
	char value[VALUE_MAX];
	const char *p = header, *name;
	size_t len;

	why->tenant[0] = why->claims[0] = '\0';
	while (p != NULL) {
		name = p += strspn(p, BLANKS ",");
		if ((len = token_len(p)) == 0)
			break;
		p += len;
		p += strspn(p, BLANKS);
		if (*p == '=') {
			p += 1 + strspn(p + 1, BLANKS);
			if ((p = take_value(p, value)) != NULL)
				keep(&ch, name, len, value, why);
			continue;
		}
		keep_claims(&ch, why);
		ch = (struct challenge){ .is_bearer = len == 6 &&
		    strncasecmp(name, "Bearer", len) == 0 };
	}
	if (p != NULL)
		keep_claims(&ch, why);
}
