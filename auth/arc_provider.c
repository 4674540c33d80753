/*
 * The resource provider of endpoints in a subscription, see arc_endpoint.h.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "auth/arc_endpoint.h"
#include "auth/arm.h"
#include "auth/bearer.h"
#include "auth/http.h"
#include "auth/json.h"
#include "relay/err.h"

#define SUBSCRIPTIONS	"/subscriptions?api-version=2022-12-01"
#define PROVIDER_VERSION "2021-04-01"

struct ask {
	struct bearer		*bearer;
	struct arm_request	 q;
	struct http_reply	 reply;
};

static int
ask_once(void *arg, const struct secret *token, char *claims, struct err *e)
{
	struct ask *k = arg;
	struct arm_refusal why = { .status = 0 };
	int rc = arm_call(k->bearer->cloud, token, &k->q, &k->reply, &why, e);

	(void)snprintf(claims, ARM_CLAIMS_MAX, "%s", why.claims);
	return (rc);
}

static int
read_state(const struct secret *body, char state[ARC_STATE_MAX], struct err *e)
{
	char why[JS_WHY_MAX];
	struct js *j = js_parse(body->data != NULL ? body->data : "",
	    body->len, why);
	const char *word = js_string(j, "registrationState");

	if (word != NULL)
		(void)snprintf(state, ARC_STATE_MAX, "%s", word);
	js_free(j);
	if (word != NULL)
		return (0);
	return (err_set(e, EX_PROTOCOL, "E412", "Azure does not tell the state "
	    "of " ARC_PROVIDER));
}

int
arc_provider(struct bearer *b, const char *subscription, bool to_register,
    char state[ARC_STATE_MAX], struct err *e)
{
	char path[200];
	struct ask k = { .bearer = b, .reply = HTTP_REPLY_INIT, .q = {
	    .method = to_register ? "POST" : "GET", .path = path } };
	int rc;

	(void)snprintf(path, sizeof(path), "/subscriptions/%.36s/providers/"
	    ARC_PROVIDER "%s?api-version=" PROVIDER_VERSION, subscription,
	    to_register ? "/register" : "");
	rc = bearer_call(b, ask_once, &k, e);
	if (rc == 0)
		rc = read_state(&k.reply.body, state, e);
	http_reply_free(&k.reply);
	return (rc);
}

struct search {
	struct bearer	*bearer;
	const char	*name;		/* NULL: any */
	char		*guid;		/* of the one that was found */
	size_t		 n;		/* found */
};

static int
compare(const struct js *item, void *arg, struct err *e)
{
	struct search *s = arg;
	const char *id = js_string(item, "subscriptionId");
	const char *name = js_string(item, "displayName");

	(void)e;
	if (id == NULL || strlen(id) != 36 || (s->name != NULL &&
	    strcasecmp(id, s->name) != 0 &&
	    (name == NULL || strcasecmp(name, s->name) != 0)))
		return (0);
	(void)snprintf(s->guid, 37, "%s", id);
	s->n++;
	return (0);
}

static int
list_once(void *arg, const struct secret *token, char *claims, struct err *e)
{
	struct search *s = arg;
	struct arm_refusal why = { .status = 0 };
	int rc;

	s->n = 0;
	rc = arm_list(s->bearer->cloud, token, SUBSCRIPTIONS, compare, s, &why,
	    e);
	(void)snprintf(claims, ARM_CLAIMS_MAX, "%s", why.claims);
	return (rc);
}

int
arc_subscription(struct bearer *b, const char *name, char guid[37],
    struct err *e)
{
	struct search s = { .bearer = b, .name = name, .guid = guid };

	if (bearer_call(b, list_once, &s, e) == -1)
		return (-1);
	if (s.n == 1)
		return (0);
	if (s.n > 1) {
		err_set(e, EX_USAGE, "", "there are %zu subscriptions%s%.80s",
		    s.n, name != NULL ? " called " : "", name != NULL ? name :
		    "");
		return (err_fix(e, "--subscription GUID"));
	}
	err_set(e, EX_NOHOST, "E206", "no such subscription%s%.80s, or it is "
	    "of another tenant than your login", name != NULL ? " as " : "",
	    name != NULL ? name : "");
	return (err_fix(e, "arc-relay login --tenant TENANT"));
}
