/*
 * Running az, see azrun.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "auth/azrun.h"
#include "auth/child.h"
#include "auth/cloud.h"
#include "auth/env.h"
#include "auth/json.h"
#include "auth/patience.h"
#include "auth/text.h"
#include "relay/err.h"
#include "relay/log.h"
#include "relay/secret.h"

#define LIMIT_VARIABLE	"ARC_RELAY_AZ_TIMEOUT"
#define LIMIT_S		10	/* as Azure's SDKs have it */
#define LIMIT_MAX_S	600
#define OUTPUT_MAX	(64 * 1024)	/* bytes */
#define LIFE_S		60	/* when az does not say */
#define ASK_YOURSELF	"see what it says: az account get-access-token"

static int
limit_s(int *out, struct err *e)
{
	const char *s = env_get(LIMIT_VARIABLE);
	char *end;
	long n;

	*out = LIMIT_S;
	if (s == NULL)
		return (0);
	errno = 0;
	n = strtol(s, &end, 10);
	if (*s < '0' || *s > '9' || *end != '\0' || errno != 0 || n < 1 ||
	    n > LIMIT_MAX_S)
		return (err_set(e, EX_CONFIG, "", LIMIT_VARIABLE " needs a "
		    "number of seconds from 1 to %d", LIMIT_MAX_S));
	*out = (int)n;
	return (0);
}

/* az before 2.54 tells the end only as "YYYY-MM-DD HH:MM:SS.f" of local time. */
static int64_t
life_end(const struct js *j)
{
	const char *local = js_string(j, "expiresOn");
	struct tm tm = { .tm_isdst = -1 };
	int64_t end;

	if (js_integer(j, "expires_on", &end) == 0)
		return (end);
	if (local != NULL && strptime(local, "%Y-%m-%d %H:%M:%S", &tm) != NULL)
		return (mktime(&tm));
	return (time(NULL) + LIFE_S);
}

static enum azrun_result
accept_output(const struct secret *out, struct token *t, struct err *e)
{
	char why[JS_WHY_MAX];
	struct js *j = js_parse(out->data != NULL ? out->data : "", out->len,
	    why);
	const char *got = js_string(j, "accessToken");
	const char *tenant = js_string(j, "tenant");
	int rc = -1;

	if (got == NULL) {
		err_set(e, EX_PROTOCOL, "E315", "what az printed %s",
		    j == NULL ? why : "has no accessToken");
		err_fix(e, ASK_YOURSELF);
	} else if ((rc = secret_set(&t->text, got, strlen(got))) == -1)
		err_set(e, EX_OSERR, "", "out of memory");
	else {
		t->expires_on = life_end(j);
		(void)snprintf(t->tenant, sizeof(t->tenant), "%s",
		    tenant != NULL ? tenant : "");
	}
	js_free(j);
	return (rc == 0 ? AZRUN_GOT : AZRUN_FAILED);
}

/* The line of text that begins at p; its length. */
static int
line(const char *p)
{
	return ((int)strcspn(p, "\r\n"));
}

/* The first line that begins with mark, after it; NULL if there is none. */
static const char *
line_after(const char *text, const char *mark)
{
	for (; *text != '\0'; text += line(text), text += strspn(text, "\r\n"))
		if (strncmp(text, mark, strlen(mark)) == 0)
			return (text + strlen(mark));
	return (NULL);
}

/* The one that says what happened: that of the error, or else the last. */
static const char *
telling_line(const char *text)
{
	const char *p = line_after(text, "ERROR: "), *last = text;

	for (; p == NULL && *text != '\0'; text += line(text)) {
		text += strspn(text, "\r\n");
		if (*text != '\0' && strncmp(text, "To ", 3) != 0)
			last = text;	/* "To check existing issues ..." */
	}
	return (p != NULL ? p : last);
}

/* az ran and failed; text is all that it said. */
static enum azrun_result
refused(const char *text, int status, struct err *e)
{
	const char *aad = strstr(text, "AADSTS"), *login, *told;

	if (strstr(text, "JSONDecodeError") != NULL ||
	    strstr(text, "MSAL token cache") != NULL) {
		err_set(e, EX_NOUSER, "E302", "the token cache of the Azure "
		    "CLI is corrupt");
		err_fix(e, "az account clear && az login");
	} else if (aad != NULL) {
		login = line_after(text, "az login");
		err_set(e, EX_NOUSER, "E303", "az gets no token: %.*s",
		    line(aad) < 180 ? line(aad) : 180, aad);
		err_fix(e, "az login%.*s", login != NULL ? line(login) : 0,
		    login != NULL ? login : "");
	} else if (strstr(text, "az login") != NULL ||
	    strstr(text, "az account set") != NULL) {
		told = telling_line(text);
		log_verbose("az: %.*s", line(told), told);
		return (AZRUN_NOBODY);
	} else if (strstr(text, "NoTTYException") != NULL) {
		err_set(e, EX_TEMPFAIL, "E315", "az asks a question, and "
		    "nobody can answer it here");
		err_fix(e, ASK_YOURSELF);
	} else {
		told = telling_line(text);
		err_set(e, EX_NOUSER, "E301", "az gives no token (status %d): "
		    "%.*s", status, line(told) < 180 ? line(told) : 180, told);
		err_fix(e, "az login, or " ASK_YOURSELF);
	}
	return (AZRUN_FAILED);
}

/* az has its audience with a slash; one with a path is another name. */
static const char *
slash_for(const char *audience)
{
	const char *host = strstr(audience, "://");

	return (host != NULL && strchr(host + 3, '/') == NULL ? "/" : "");
}

enum azrun_result
azrun_token(const struct token_request *r, struct token *t, struct err *e)
{
	const struct cloud *c = r->cloud;
	char resource[sizeof(c->audience) + 1];
	const char *argv[] = { "az", "account", "get-access-token",
	    "--output", "json", "--resource", resource,
	    r->tenant != NULL ? "--tenant" : NULL, r->tenant, NULL };
	enum azrun_result result = AZRUN_FAILED;
	struct secret out = SECRET_INIT, err = SECRET_INIT;
	int status = 0, limit, wait_ms;

	if (limit_s(&limit, e) == -1)
		return (AZRUN_FAILED);
	if (r->tenant != NULL && (r->tenant[0] == '-' ||
	    !text_only(r->tenant, "-."))) {
		err_set(e, EX_CONFIG, "E307", "\"%.80s\" is not a tenant",
		    r->tenant);
		return (AZRUN_FAILED);
	}
	(void)snprintf(resource, sizeof(resource), "%s%s", c->audience,
	    slash_for(c->audience));
	wait_ms = (int)patience_ms(limit * 1000L);
	switch (child_run(argv, wait_ms, OUTPUT_MAX, &out, &err,
	    &status)) {
	case CHILD_ENDED:
		result = status == 0 ? accept_output(&out, t, e) :
		    refused(err.data != NULL ? err.data : "", status, e);
		break;
	case CHILD_ABSENT:
		result = AZRUN_ABSENT;
		break;
	case CHILD_LATE:
		err_set(e, EX_TEMPFAIL, "E315", "az did not answer in %d s",
		    (wait_ms + 999) / 1000);
		err_fix(e, "arc-relay login needs no az; or give it more "
		    "seconds: %s", wait_ms == limit * 1000 ?
		    LIMIT_VARIABLE "=60" : "ssh -o ConnectTimeout=120");
		break;
	case CHILD_BROKEN:
		err_sys(e, EX_OSERR, "E315", "cannot run az");
		break;
	}
	secret_free(&out);
	secret_free(&err);
	return (result);
}
