/*
 * Login by a browser on this machine, see login.h and authcode.h.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "auth/authcode.h"
#include "auth/browser.h"
#include "auth/child.h"
#include "auth/cloud.h"
#include "auth/login.h"
#include "auth/loopback.h"
#include "auth/redirect.h"
#include "auth/text.h"
#include "relay/clock.h"
#include "relay/crypto.h"
#include "relay/err.h"

#define TIMEOUT_S	300	/* for the person, unless said otherwise */
#define STEP_MS		1000	/* between two looks at the clock */

void
authcode_challenge(const char *verifier, char out[AUTHCODE_WORD])
{
	uint8_t digest[SHA256_BYTES];

	crypto_sha256(verifier, strlen(verifier), digest);
	crypto_base64url(digest, sizeof(digest), out);
}

void
authcode_new(struct authcode *c, int port)
{
	uint8_t bytes[AUTHCODE_BYTES];

	crypto_random(bytes, sizeof(bytes));
	crypto_base64url(bytes, sizeof(bytes), c->verifier);
	authcode_challenge(c->verifier, c->challenge);
	crypto_random(bytes, sizeof(bytes));
	crypto_base64url(bytes, sizeof(bytes), c->state);
	secret_wipe(bytes, sizeof(bytes));
	(void)snprintf(c->redirect, sizeof(c->redirect), "http://localhost:%d",
	    port);
}

int
authcode_url(const struct authcode *c, const struct login_request *r,
    struct secret *url, struct err *e)
{
	struct secret query = SECRET_INIT;
	char page[OAUTH_URL_MAX];
	int rc = -1;

	if (oauth_url(r->cloud, r->tenant, "authorize", page, sizeof(page),
	    e) == -1)
		return (-1);
	if (login_form(r, NULL, &query, e) == -1)
		return (-1);
	/* who has several accounts is asked which, not given the last one */
	if (oauth_form_add(&query, "response_type", "code") == -1 ||
	    oauth_form_add(&query, "redirect_uri", c->redirect) == -1 ||
	    oauth_form_add(&query, "state", c->state) == -1 ||
	    oauth_form_add(&query, "code_challenge", c->challenge) == -1 ||
	    oauth_form_add(&query, "code_challenge_method", "S256") == -1 ||
	    oauth_form_add(&query, "prompt", "select_account") == -1 ||
	    secret_set(url, page, strlen(page)) == -1 ||
	    text_append(url, "?", 1, SIZE_MAX - 1) == -1 ||
	    text_append(url, query.data, query.len, SIZE_MAX - 1) == -1)
		err_set(e, EX_OSERR, "", "out of memory");
	else
		rc = 0;
	secret_free(&query);
	return (rc);
}

static void
open_browser(const struct login_request *r, const char *url, pid_t *pid)
{
	*pid = browser_open(url);
	r->say(*pid == -1 ? "No browser was found. To sign in, open:" :
	    "A browser opens for you to sign in. If it does not, open:");
	r->say(url);
}

/* Until the browser comes back, or the time is over. */
static int
wait_for_browser(const struct login_request *r, struct loopback *l,
    const char *state, pid_t browser, struct redirect *back, struct err *e)
{
	int timeout_s = r->timeout_s > 0 ? r->timeout_s : TIMEOUT_S;
	int64_t end_ms = clock_ms() + (int64_t)timeout_s * 1000, now;

	while (!loopback_serve(l, STEP_MS, state, back)) {
		if (browser != -1 && child_failed(browser)) {
			r->say("The browser did not open.");
			browser = -1;
		}
		if ((now = clock_ms()) >= end_ms) {
			err_set(e, EX_NOUSER, "E303",
			    "nobody signed in within %d s", timeout_s);
			return (err_fix(e, "arc-relay login --device-code"));
		}
		r->waiting((end_ms - now) / 1000);
	}
	if (back->code.len > 0)
		return (0);
	err_set(e, EX_NOPERM, "E304", "the sign-in was refused: %.*s",
	    180, back->text[0] != '\0' ? back->text : back->error);
	return (err_fix(e, "arc-relay login"));
}

static int
redeem(const struct login_request *r, const struct authcode *c,
    const struct secret *code, struct login *out, struct err *e)
{
	struct oauth_answer a = OAUTH_ANSWER_INIT;
	struct secret form = SECRET_INIT;
	int rc = -1;

	if (login_form(r, "authorization_code", &form, e) == -1)
		goto out;
	if (oauth_form_add(&form, "code", code->data) == -1 ||
	    oauth_form_add(&form, "redirect_uri", c->redirect) == -1 ||
	    oauth_form_add(&form, "code_verifier", c->verifier) == -1)
		err_set(e, EX_OSERR, "", "out of memory");
	else if ((rc = oauth_token(r->cloud, r->tenant, OAUTH_LOGIN, &form, &a,
	    e)) == 0)
		rc = login_accept(r, &a, out, e);
 out:
	oauth_answer_free(&a);
	secret_free(&form);
	return (rc);
}

int
login_by_browser(const struct login_request *r, struct login *out,
    struct err *e)
{
	struct redirect back = REDIRECT_INIT;
	struct secret url = SECRET_INIT;
	struct loopback *l = loopback_open(e);
	struct authcode c;
	pid_t browser;
	int rc = -1;

	if (l == NULL)
		return (-1);
	authcode_new(&c, loopback_port(l));
	if (authcode_url(&c, r, &url, e) == 0) {
		open_browser(r, url.data, &browser);
		rc = wait_for_browser(r, l, c.state, browser, &back, e);
	}
	loopback_free(l);
	if (rc == 0)
		rc = redeem(r, &c, &back.code, out, e);
	secret_wipe(&c, sizeof(c));
	redirect_free(&back);
	secret_free(&url);
	return (rc);
}
