/*
 * Long-running operations of Azure Resource Manager, see arm_wait in arm.h.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "auth/arm.h"
#include "auth/cloud.h"
#include "auth/http.h"
#include "auth/json.h"
#include "relay/clock.h"
#include "relay/err.h"
#include "relay/log.h"

#define URL_MAX		8192
#define WAIT_MIN_MS	100		/* even if Azure says less */
#define WAIT_MAX_MS	(600 * 1000)	/* even if Azure says more */
#define FIRST_WAIT_MS	1000		/* when it says nothing; then twice the last */
#define DOUBLINGS	4		/* up to 16 s */

/* Where to look, and therefore what tells the state. */
enum look {
	LOOK_STATUS,	/* Azure-AsyncOperation: status */
	LOOK_LOCATION,	/* Location: the status of the answer */
	LOOK_RESOURCE,	/* the resource itself: properties.provisioningState */
};

enum state { RUNNING, SUCCEEDED, FAILED, CANCELED };

struct operation {
	const struct cloud	*cloud;
	const struct secret	*token;
	int64_t			 deadline_ms;
	struct http_reply	*reply;		/* the last one */
	enum look		 look;
	struct secret		 path;		/* to look at */
	unsigned		 looks;		/* so far */
	enum state		 state;
};

static int
follow(struct operation *o, const char *url, struct err *e)
{
	const char *path = arm_link_path(o->cloud, url);

	if (path == NULL)
		return (err_set(e, EX_PROTOCOL, "E412", "Azure's link to the "
		    "state of the operation leads to another host"));
	if (secret_set(&o->path, path, strlen(path)) == -1)
		return (err_set(e, EX_OSERR, "", "out of memory"));
	return (0);
}

static enum state
state_of(const char *word)
{
	if (strcasecmp(word, "Succeeded") == 0)
		return (SUCCEEDED);
	if (strcasecmp(word, "Failed") == 0)
		return (FAILED);
	if (strcasecmp(word, "Canceled") == 0 ||
	    strcasecmp(word, "Cancelled") == 0)
		return (CANCELED);
	return (RUNNING);
}

/* The state that a body tells; a resource that tells none is a good one. */
static int
read_body(struct operation *o, struct err *e)
{
	const struct secret *body = &o->reply->body;
	const char *name = o->look == LOOK_STATUS ? "status" :
	    "properties.provisioningState";
	char why[JS_WHY_MAX];
	int64_t percent;
	const char *word;
	struct js *j;
	int rc = 0;

	if ((j = js_parse(body->data != NULL ? body->data : "", body->len,
	    why)) == NULL)
		return (err_set(e, EX_PROTOCOL, "E412", "Azure's answer about "
		    "the operation %s", why));
	if ((word = js_string(j, name)) != NULL) {
		o->state = state_of(word);
		log_verbose("the operation in Azure: %.40s", word);
	} else if (o->look == LOOK_STATUS)
		rc = err_set(e, EX_PROTOCOL, "E412", "Azure's answer about the "
		    "operation has no status");
	if (js_integer(j, "percentComplete", &percent) == 0)
		log_verbose("the operation in Azure: %lld %%",
		    (long long)percent);
	js_free(j);
	return (rc);
}

static int
read_state(struct operation *o, struct err *e)
{
	char url[URL_MAX];

	o->state = o->reply->status == 202 ? RUNNING : SUCCEEDED;
	if (o->look == LOOK_LOCATION && o->state == RUNNING &&
	    http_header(o->reply, "Location", url, sizeof(url)))
		return (follow(o, url, e));
	if (o->look == LOOK_LOCATION || o->state == RUNNING ||
	    o->reply->status == 204)
		return (0);
	return (read_body(o, e));
}

/* Where the first answer says that the state is to be seen. */
static int
begin(struct operation *o, const char *path, struct err *e)
{
	char url[URL_MAX];

	o->state = RUNNING;
	if (http_header(o->reply, "Azure-AsyncOperation", url, sizeof(url))) {
		o->look = LOOK_STATUS;
		return (follow(o, url, e));
	}
	if (o->reply->status == 202) {
		o->look = LOOK_LOCATION;
		if (http_header(o->reply, "Location", url, sizeof(url)))
			return (follow(o, url, e));
		return (err_set(e, EX_PROTOCOL, "E412", "Azure began an "
		    "operation and does not say where its state is"));
	}
	o->look = LOOK_RESOURCE;
	if (o->reply->body.len == 0) {
		o->state = SUCCEEDED;
		return (0);
	}
	if (secret_set(&o->path, path, strlen(path)) == -1)
		return (err_set(e, EX_OSERR, "", "out of memory"));
	return (read_state(o, e));
}

static int
too_late(struct err *e)
{
	err_set(e, EX_TEMPFAIL, "E409", "Azure has not finished the operation "
	    "in time; it may still do so");
	return (err_fix(e, "look again in some minutes"));
}

/* Sleeps as long as Azure asks; the last look is at the deadline. */
static int
pause_for(const struct operation *o, struct err *e)
{
	int64_t left_ms = o->deadline_ms - clock_ms();
	int64_t wait_ms = o->reply->retry_after_ms;

	if (left_ms <= 0)
		return (too_late(e));
	if (wait_ms <= 0)
		wait_ms = FIRST_WAIT_MS << (o->looks < DOUBLINGS ? o->looks :
		    DOUBLINGS);
	if (wait_ms < WAIT_MIN_MS)
		wait_ms = WAIT_MIN_MS;
	if (wait_ms > WAIT_MAX_MS)
		wait_ms = WAIT_MAX_MS;
	if (wait_ms > left_ms)
		wait_ms = left_ms;
	log_verbose("looking again in %lld ms", (long long)wait_ms);
	(void)poll(NULL, 0, (int)wait_ms);
	return (0);
}

/* A look that fails is not an operation that fails: it may be made again. */
static int
look(struct operation *o, struct arm_refusal *why, struct err *e)
{
	const struct arm_request q = { .method = "GET", .path = o->path.data };
	int64_t left_ms;

	o->looks++;
	if (arm_call(o->cloud, o->token, &q, o->reply, why, e) == 0)
		return (read_state(o, e));
	left_ms = o->deadline_ms - clock_ms();
	return (e->status == EX_TEMPFAIL && left_ms > 0 &&
	    o->reply->retry_after_ms < left_ms ? 0 : -1);
}

static int
not_done(const struct operation *o, struct arm_refusal *why, struct err *e)
{
	const struct http_reply *reply = o->reply;

	arm_refusal_parse(reply->status, reply->body.data != NULL ?
	    reply->body.data : "", reply->body.len, why);
	return (err_set(e, EX_PROTOCOL, "E412", "the operation %s in Azure%s%s"
	    "%s%.150s", o->state == FAILED ? "failed" : "was canceled",
	    why->code[0] != '\0' ? ": " : "", why->code,
	    why->message[0] != '\0' ? ": " : "", why->message));
}

int
arm_wait(const struct cloud *c, const struct secret *token, const char *path,
    struct http_reply *reply, int64_t deadline_ms, struct arm_refusal *why,
    struct err *e)
{
	struct operation o = { .cloud = c, .token = token, .reply = reply,
	    .deadline_ms = deadline_ms };
	int rc;

	*why = (struct arm_refusal){ .status = 0 };
	rc = begin(&o, path, e);
	while (rc == 0 && o.state == RUNNING)
		if ((rc = pause_for(&o, e)) == 0)
			rc = look(&o, why, e);
	if (rc == 0 && o.state != SUCCEEDED)
		rc = not_done(&o, why, e);
	secret_free(&o.path);
	return (rc);
}
