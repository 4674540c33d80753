/*
 * Login by device code (RFC 8628): the person types a short code in a browser
 * anywhere, and we ask Entra again and again whether it is done.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "auth/cloud.h"
#include "auth/json.h"
#include "auth/login.h"
#include "relay/clock.h"
#include "relay/err.h"
#include "relay/log.h"

#define GRANT		"urn:ietf:params:oauth:grant-type:device_code"
#define INTERVAL_S	5	/* when Entra does not say (RFC 8628, 3.2) */
#define INTERVAL_MAX_S	60
#define INTERVAL_MIN_MS	250	/* even if it says 0 */
#define SLOW_DOWN_S	5	/* RFC 8628, 3.5 */
#define LIFE_S		900	/* what Entra gives */
#define LIFE_MAX_S	3600

struct device {
	struct secret	code;		/* ours, to ask with */
	char		message[512];	/* the person's, with the code to type */
	int64_t		interval_s;
	int64_t		life_s;
};

static int64_t
within(int64_t n, int64_t min, int64_t max)
{
	return (n < min ? min : n > max ? max : n);
}

static int
read_device(const struct secret *body, struct device *d, struct err *e)
{
	char why[JS_WHY_MAX];
	struct js *j = js_parse(body->data != NULL ? body->data : "", body->len,
	    why);
	const char *code = js_string(j, "device_code");
	const char *typed = js_string(j, "user_code");
	const char *where = js_string(j, "verification_uri");
	int rc = -1;

	d->interval_s = INTERVAL_S;
	d->life_s = LIFE_S;
	(void)js_integer(j, "interval", &d->interval_s);
	(void)js_integer(j, "expires_in", &d->life_s);
	d->interval_s = within(d->interval_s, 0, INTERVAL_MAX_S);
	d->life_s = within(d->life_s, 1, LIFE_MAX_S);
	if (code == NULL || *code == '\0' || typed == NULL || where == NULL)
		err_set(e, EX_PROTOCOL, "E412", "the answer of the login host "
		    "has no device code");
	else if ((rc = secret_set(&d->code, code, strlen(code))) == -1)
		err_set(e, EX_OSERR, "", "out of memory");
	else {
		(void)snprintf(d->message, sizeof(d->message), "To sign in, "
		    "open %.200s in a browser and enter the code %.40s", where,
		    typed);
		log_clean(d->message);
	}
	js_free(j);
	return (rc);
}

static int
begin(const struct login_request *r, struct device *d, struct err *e)
{
	struct secret form = SECRET_INIT, body = SECRET_INIT;
	char error[40];
	int rc = -1;

	if (login_form(r, NULL, &form, e) == 0 && (rc = oauth_post(r->cloud,
	    r->tenant, "devicecode", OAUTH_LOGIN, &form, &body, error,
	    e)) == 0)
		rc = read_device(&body, d, e);
	secret_free(&body);
	secret_free(&form);
	return (rc);
}

static int
ask(const struct login_request *r, const struct device *d,
    struct oauth_answer *a, struct err *e)
{
	struct secret form = SECRET_INIT;
	int rc = -1;

	oauth_answer_free(a);
	if (login_form(r, GRANT, &form, e) == 0) {
		if (oauth_form_add(&form, "device_code", d->code.data) == -1)
			err_set(e, EX_OSERR, "", "out of memory");
		else
			rc = oauth_token(r->cloud, r->tenant, OAUTH_LOGIN,
			    &form, a, e);
	}
	secret_free(&form);
	return (rc);
}

/* Returns 0 when it is worth to ask again, -1 with what the person shall know. */
static int
judge(const struct oauth_answer *a, struct device *d, struct err *e)
{
	if (strcmp(a->error, "authorization_pending") == 0)
		return (0);
	/* the network was away, or Entra is busy: a person's patience is longer */
	if (strcmp(a->error, "slow_down") == 0 ||
	    (a->error[0] == '\0' && (e->status == EX_TEMPFAIL ||
	    e->status == EX_UNAVAILABLE))) {
		d->interval_s = within(d->interval_s + SLOW_DOWN_S, 0,
		    INTERVAL_MAX_S);
		log_verbose("asking every %d s from now on: %s",
		    (int)d->interval_s, a->error[0] != '\0' ? a->error :
		    e->cause);
		return (0);
	}
	if (strcmp(a->error, "authorization_declined") == 0) {
		err_set(e, EX_NOPERM, "E304", "the sign-in was declined");
		return (err_fix(e, "arc-relay login"));
	}
	if (strcmp(a->error, "expired_token") == 0) {
		err_set(e, EX_NOUSER, "E303", "the code expired before anybody "
		    "signed in with it");
		return (err_fix(e, "arc-relay login --device-code"));
	}
	/* a policy of many tenants; the browser's way is another one */
	if (strstr(e->cause, "AADSTS53003") != NULL)
		return (err_fix(e, "sign in with a browser on this machine: "
		    "arc-relay login --browser"));
	return (-1);
}

static void
wait_ms(const struct login_request *r, int64_t ms, int64_t end_ms)
{
	int64_t next_ms = clock_ms() + ms, now;

	while ((now = clock_ms()) < next_ms) {
		r->waiting((end_ms - now) / 1000);
		(void)poll(NULL, 0, next_ms - now < 1000 ?
		    (int)(next_ms - now) : 1000);
	}
}

static int
ask_until_done(const struct login_request *r, struct device *d,
    struct oauth_answer *a, struct err *e)
{
	int64_t life_s = r->timeout_s > 0 && r->timeout_s < d->life_s ?
	    r->timeout_s : d->life_s;
	int64_t end_ms = clock_ms() + life_s * 1000;

	do {
		wait_ms(r, d->interval_s > 0 ? d->interval_s * 1000 :
		    INTERVAL_MIN_MS, end_ms);
		if (ask(r, d, a, e) == 0)
			return (0);
		if (judge(a, d, e) == -1)
			return (-1);
	} while (clock_ms() < end_ms);
	err_set(e, EX_NOUSER, "E303", "nobody signed in within %lld s",
	    (long long)life_s);
	return (err_fix(e, "arc-relay login --device-code"));
}

int
login_by_device_code(const struct login_request *r, struct login *out,
    struct err *e)
{
	struct oauth_answer a = OAUTH_ANSWER_INIT;
	struct device d = { .code = SECRET_INIT };
	int rc = -1;

	if (begin(r, &d, e) == 0) {
		r->say(d.message);
		if (ask_until_done(r, &d, &a, e) == 0)
			rc = login_accept(r, &a, out, e);
	}
	oauth_answer_free(&a);
	secret_free(&d.code);
	return (rc);
}
