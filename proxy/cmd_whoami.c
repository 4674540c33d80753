/*
 * arc-relay whoami: whose token a connection would use, and from where.  Never
 * the token.
 */
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#include "auth/cloud.h"
#include "auth/json.h"
#include "auth/jwt.h"
#include "auth/text.h"
#include "auth/token.h"
#include "auth/token_cached.h"
#include "proxy/cmd.h"
#include "proxy/cmd_options.h"
#include "relay/err.h"
#include "relay/log.h"

static const struct option_row table[] = {
	CMD_ROWS,
	{ 0, "credential", "NAME", "only this token source", 0 },
	{ 0, "tenant", "ID", "another tenant than the source's own", 0 },
	{ 0, "no-cache", NULL, "ask for a new token, and do not keep it", 0 },
	{ 0, "json", NULL, "one JSON object", 0 },
	CMD_LAST_ROWS
};
enum { O_CREDENTIAL = CMD_NROWS, O_TENANT, O_NO_CACHE, O_JSON };

struct answer {
	const struct cloud	*cloud;
	struct token		 token;
	char			 object_id[80];	/* of the account; or "" */
	bool			 cached;
};

/* What the token says of the account beyond its name, if it says anything. */
static void
read_object_id(struct answer *a)
{
	struct js *claims = jwt_claims(a->token.text.data, a->token.text.len);
	const char *oid = js_string(claims, "oid");

	a->object_id[0] = '\0';
	if (oid != NULL && text_only(oid, "-"))
		(void)snprintf(a->object_id, sizeof(a->object_id), "%s", oid);
	js_free(claims);
}

static int
print_json(const struct answer *a, struct err *e)
{
	const struct token *t = &a->token;
	struct js *j = js_object();
	char utc[CMD_TIME_MAX];
	bool failed;

	failed = js_set_string(j, "source", t->source) == -1 ||
	    js_set_string(j, "account", t->account) == -1 ||
	    js_set_string(j, "tenant", t->tenant) == -1 ||
	    (a->object_id[0] != '\0' &&
	    js_set_string(j, "object_id", a->object_id) == -1) ||
	    js_set_string(j, "cloud", a->cloud->name) == -1 ||
	    js_set_string(j, "management", a->cloud->management) == -1 ||
	    js_set_string(j, "expires_on",
	    cmd_utc(t->expires_on, utc)) == -1 ||
	    js_set_integer(j, "expires_at", t->expires_on) == -1 ||
	    js_set_boolean(j, "cached", a->cached) == -1;
	return (cmd_print_json(j, !failed, e));
}

static const char *
or_unknown(const char *text)
{
	return (text[0] != '\0' ? text : "unknown");
}

static void
print_lines(const struct answer *a)
{
	const struct token *t = &a->token;
	int64_t left_s = t->expires_on - time(NULL);
	char local[CMD_TIME_MAX];

	printf("account:     %s\n", or_unknown(t->account));
	if (a->object_id[0] != '\0')
		printf("object id:   %s\n", a->object_id);
	printf("tenant:      %s\n", or_unknown(t->tenant));
	printf("source:      %s\n", t->source);
	printf("cloud:       %s, %s\n", a->cloud->name, a->cloud->management);
	printf("token until: %s (%lld min%s)\n",
	    cmd_local(t->expires_on, local),
	    (long long)left_s / 60, a->cached ? ", from the cache" : "");
}

static int
ask(const struct options *o, struct answer *a, struct err *e)
{
	const struct token_request r = {
		.cloud = a->cloud, .credential = o->value[O_CREDENTIAL],
		.tenant = o->value[O_TENANT],
	};

	if (token_cached_get(&r, o->value[O_NO_CACHE] != NULL, &a->token,
	    &a->cached, e) == -1)
		return (-1);
	read_object_id(a);
	secret_free(&a->token.text);	/* all that is shown is known */
	log_clean(a->token.account);
	log_clean(a->token.tenant);
	return (0);
}

int
cmd_whoami(int argc, char **argv, struct err *e)
{
	struct answer a = { .token = TOKEN_INIT };
	char sources[TOKEN_HELP_MAX];
	struct cloud cloud;
	struct options o;
	int rc;

	if ((rc = cmd_parse(table, "whoami [OPTION ...]", token_help(sources),
	    argc, argv, &o, e)) != 0)
		return (rc == 1 ? 0 : -1);
	if (o.nrest > 0)
		return (err_set(e, EX_USAGE, "", "whoami takes no argument"));
	if (cmd_cloud(&o, &cloud, e) == -1)
		return (-1);
	a.cloud = &cloud;
	rc = ask(&o, &a, e);
	if (rc == 0 && o.value[O_JSON] != NULL)
		rc = print_json(&a, e);
	else if (rc == 0)
		print_lines(&a);
	token_free(&a.token);
	return (rc);
}
