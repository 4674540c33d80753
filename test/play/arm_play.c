/*
 * Plays the callers that lists and long-running operations of Azure's management
 * endpoint will have, for test/e2e/arm_test.py.  The token is the first line of
 * standard input.
 *	arm_play list CLOUD-FILE PATH [N]
 *		prints the name of each item; fails at the Nth
 *	arm_play hold CLOUD-FILE PATH
 *		the same, without the token then, till the end of stdin
 *	arm_play wait CLOUD-FILE METHOD PATH BODY MS
 *		begins what may last and waits for it, for MS at most; prints
 *		the last answer
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/arm.h"
#include "auth/cloud.h"
#include "auth/http.h"
#include "auth/json.h"
#include "relay/clock.h"
#include "relay/err.h"
#include "relay/log.h"
#include "relay/secret.h"

static int
print_item(const struct js *item, void *arg, struct err *e)
{
	const char *name = js_string(item, "name");
	int *left = arg;

	if (--*left == 0)
		return (err_set(e, EX_SOFTWARE, "", "enough"));
	(void)puts(name != NULL ? name : "-");
	return (0);
}

static int
list(const struct cloud *c, const struct secret *token, char **args,
    struct err *e)
{
	struct arm_refusal why;
	int left = args[1] != NULL ? atoi(args[1]) : 0;

	return (arm_list(c, token, args[0], print_item, &left, &why, e));
}

static int
begin_and_wait(const struct cloud *c, const struct secret *token, char **args,
    struct err *e)
{
	struct arm_request q = { .method = args[0], .path = args[1],
	    .body = args[2][0] != '\0' ? args[2] : NULL };
	struct http_reply reply = HTTP_REPLY_INIT;
	struct arm_refusal why;
	int rc;

	if ((rc = arm_call(c, token, &q, &reply, &why, e)) == 0)
		rc = arm_wait(c, token, q.path, &reply, clock_ms() +
		    atoi(args[3]), &why, e);
	if (rc == 0)
		(void)printf("%d %s\n", reply.status, reply.body.len > 0 ?
		    reply.body.data : "");
	http_reply_free(&reply);
	return (rc);
}

int
main(int argc, char **argv)
{
	struct secret token = SECRET_INIT;
	struct err e = ERR_INIT;
	struct cloud c;
	char text[8192], line[ERR_LINE_MAX + 1];
	int rc;

	log_init("arm_play", LOG_VERBOSE, false);
	(void)signal(SIGPIPE, SIG_IGN);		/* as harden_process does */
	(void)setvbuf(stdin, NULL, _IONBF, 0);	/* it would keep the token */
	if (argc < 4 || fgets(text, sizeof(text), stdin) == NULL ||
	    secret_set(&token, text, strcspn(text, "\n")) == -1)
		return (EX_USAGE);
	secret_wipe(text, sizeof(text));
	if ((rc = cloud_load(&c, NULL, argv[2], &e)) == 0)
		rc = strcmp(argv[1], "wait") == 0 ?
		    begin_and_wait(&c, &token, argv + 3, &e) :
		    list(&c, &token, argv + 3, &e);
	secret_free(&token);
	if (strcmp(argv[1], "hold") == 0 && fflush(stdout) == 0)
		(void)getchar();
	if (rc == -1)
		(void)fprintf(stderr, "%s\n", err_line(&e, "arm_play", NULL,
		    line, sizeof(line)));
	return (rc == 0 ? 0 : e.status);
}
