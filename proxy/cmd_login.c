/*
 * arc-relay login: a person in a browser or by device code, or a service
 * principal; kept for all later tokens.
 *
 * All that it says is for the person: on standard error.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "auth/account.h"
#include "auth/browser.h"
#include "auth/cloud.h"
#include "auth/login.h"
#include "auth/text.h"
#include "proxy/cmd.h"
#include "proxy/cmd_options.h"
#include "proxy/cmd_prompt.h"
#include "relay/err.h"
#include "relay/log.h"

#define TIMEOUT_MAX_S	3600
#define PROGRESS_S	5	/* between two words about the time left */

static const struct option_row table[] = {
	CMD_ROWS,
	{ 0, "tenant", "ID", "tenant: GUID or domain (your own)", 0 },
	{ 0, "device-code", NULL, "type a code in a browser anywhere", 0 },
	{ 0, "browser", NULL, "use the browser of this machine", 0 },
	{ 0, "service-principal", NULL, "an application, not a person", 0 },
	{ 0, "client-id", "ID", "application (the Azure CLI's)", 0 },
	{ 0, "certificate", "FILE", "certificate and key of it (PEM)", 0 },
	{ 0, "claims", "JSON", "what Conditional Access asks for", 0 },
	{ 0, "timeout", "SECONDS", "wait for you no longer (300)", 0 },
	CMD_LAST_ROWS
};
enum { O_TENANT = CMD_NROWS, O_DEVICE_CODE, O_BROWSER, O_PRINCIPAL,
    O_CLIENT_ID, O_CERTIFICATE, O_CLAIMS, O_TIMEOUT };

/* The line of the time left is rewritten in place, and gone when we speak. */
static int64_t progress_s;	/* what it shows; 0: it is not there */

static void
end_progress(void)
{
	if (progress_s > 0)
		fprintf(stderr, "\r%40s\r", "");
	progress_s = 0;
}

static void
say(const char *line)
{
	end_progress();
	fprintf(stderr, "%s\n", line);
}

static void
show_progress(int64_t left_s)
{
	if (!isatty(STDERR_FILENO) || left_s <= 0 ||
	    (progress_s > 0 && progress_s - left_s < PROGRESS_S))
		return;
	fprintf(stderr, "\rwaiting for the sign-in, %lld s left ",
	    (long long)left_s);
	progress_s = left_s;
}

static int
needs_somebody(struct err *e)
{
	err_set(e, EX_USAGE, "", "there is no terminal, and nobody to sign in");
	return (err_fix(e, "arc-relay login --device-code, and read its "
	    "standard error"));
}

static int
check(const struct options *o, struct err *e)
{
	bool principal = o->value[O_PRINCIPAL] != NULL;

	if (o->nrest > 0)
		return (err_set(e, EX_USAGE, "", "login takes no argument"));
	if ((o->value[O_DEVICE_CODE] != NULL) + (o->value[O_BROWSER] != NULL) +
	    principal > 1)
		return (err_set(e, EX_USAGE, "", "--device-code, --browser and "
		    "--service-principal exclude each other"));
	if (principal && (o->value[O_TENANT] == NULL ||
	    o->value[O_CLIENT_ID] == NULL))
		return (err_set(e, EX_USAGE, "",
		    "--service-principal needs --tenant and --client-id"));
	if (!principal && o->value[O_CERTIFICATE] != NULL)
		return (err_set(e, EX_USAGE, "",
		    "--certificate goes with --service-principal"));
	if (o->value[O_TENANT] != NULL && (o->value[O_TENANT][0] == '\0' ||
	    strlen(o->value[O_TENANT]) >= sizeof(((struct account *)0)->tenant)
	    || !text_only(o->value[O_TENANT], "-.")))
		return (err_set(e, EX_USAGE, "", "\"%.80s\" is not a tenant",
		    o->value[O_TENANT]));
	if (o->value[O_CLIENT_ID] != NULL && (o->value[O_CLIENT_ID][0] == '\0' ||
	    strlen(o->value[O_CLIENT_ID]) >=
	    sizeof(((struct account *)0)->client) ||
	    !text_only(o->value[O_CLIENT_ID], "-")))
		return (err_set(e, EX_USAGE, "", "\"%.80s\" is not a client id",
		    o->value[O_CLIENT_ID]));
	return (0);
}

static int
principal(const struct options *o, const struct login_request *r,
    struct login *l, struct err *e)
{
	struct secret secret = SECRET_INIT;
	int rc = -1;

	if (o->value[O_CERTIFICATE] != NULL ||
	    prompt_secret("Client secret", &secret, e) == 0)
		rc = login_by_principal(r, &secret, o->value[O_CERTIFICATE], l,
		    e);
	secret_free(&secret);
	return (rc);
}

static int
log_in(const struct options *o, const struct login_request *r, struct login *l,
    struct err *e)
{
	if (o->value[O_PRINCIPAL] != NULL)
		return (principal(o, r, l, e));
	if (o->value[O_DEVICE_CODE] != NULL)
		return (login_by_device_code(r, l, e));
	if (o->value[O_BROWSER] != NULL)
		return (login_by_browser(r, l, e));
	if (!isatty(STDERR_FILENO))
		return (needs_somebody(e));
	return (browser_is_there() ? login_by_browser(r, l, e) :
	    login_by_device_code(r, l, e));
}

int
cmd_login(int argc, char **argv, struct err *e)
{
	struct login_request r = { .tenant = LOGIN_TENANT,
	    .client = LOGIN_CLIENT, .say = say, .waiting = show_progress };
	char claims[LOGIN_CLAIMS_MAX];
	struct login l = LOGIN_INIT;
	struct cloud cloud;
	struct options o;
	long timeout_s = 0;
	int rc;

	if ((rc = cmd_parse(table, "login [OPTION ...]", NULL, argc, argv, &o,
	    e)) != 0)
		return (rc == 1 ? 0 : -1);
	if (check(&o, e) == -1 || cmd_cloud(&o, &cloud, e) == -1 ||
	    (o.value[O_TIMEOUT] != NULL && options_number(o.value[O_TIMEOUT],
	    1, TIMEOUT_MAX_S, "--timeout", &timeout_s, e) == -1) ||
	    (o.value[O_CLAIMS] != NULL && login_claims(o.value[O_CLAIMS],
	    claims, e) == -1))
		return (-1);
	r.cloud = &cloud;
	r.timeout_s = (int)timeout_s;
	if (o.value[O_TENANT] != NULL)
		r.tenant = o.value[O_TENANT];
	if (o.value[O_CLIENT_ID] != NULL)
		r.client = o.value[O_CLIENT_ID];
	if (o.value[O_CLAIMS] != NULL)
		r.claims = claims;
	if ((rc = account_can_save(e)) == 0)
		rc = log_in(&o, &r, &l, e);
	if (rc == 0)
		rc = account_save(&l.account, &l.secret, e);
	end_progress();
	if (rc == 0) {
		login_drop_cached();
		log_clean(l.account.name);
		fprintf(stderr, "logged in as %s, tenant %s, cloud %s\n",
		    l.account.name, l.account.tenant, l.account.cloud);
	}
	login_free(&l);
	return (rc);
}
