/*
 * Error bodies of Azure Resource Manager and of the providers behind it, see
 * arm.h.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "auth/arm.h"
#include "auth/json.h"

/* The first of several names that is a string, its first line; else "". */
static void
copy_line(const struct js *j, const char *const *names, char *out, size_t size)
{
	const char *s = NULL;

	out[0] = '\0';
	for (; *names != NULL && s == NULL; names++)
		s = js_string(j, *names);
	if (s != NULL)
		(void)snprintf(out, size, "%.*s", (int)strcspn(s, "\r\n"), s);
}

static void
copy_error(const struct js *j, struct arm_refusal *why)
{
	static const char *const codes[] = { "code", "Code", NULL };
	static const char *const messages[] = { "message", "Message", NULL };

	copy_line(j, codes, why->code, sizeof(why->code));
	copy_line(j, messages, why->message, sizeof(why->message));
}

/* A code that says no more than that something went wrong. */
static bool
says_nothing(const struct arm_refusal *why)
{
	static const char *const codes[] = { "", "BadRequest", "Failed",
	    "OperationFailed", "MultipleErrorsOccurred", "DeploymentFailed",
	    "ResourceDeploymentFailure", "ResourceOperationFailure" };
	size_t i;

	if (why->message[0] == '\0')
		return (true);
	for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (strcasecmp(why->code, codes[i]) == 0)
			return (true);
	return (false);
}

/* Takes the code and the message of inner instead, if it has both. */
static void
prefer(const struct js *inner, struct arm_refusal *why)
{
	struct arm_refusal other = { .status = 0 };

	copy_error(inner, &other);
	if (other.code[0] == '\0' || other.message[0] == '\0')
		return;
	memcpy(why->code, other.code, sizeof(why->code));
	memcpy(why->message, other.message, sizeof(why->message));
}

/* RequestDisallowedByPolicy: the first name that people gave. */
static void
copy_policy(const struct js *j, struct arm_refusal *why)
{
	static const char *const names[] = {
	    "info.policyAssignmentDisplayName",
	    "info.policyDefinitionDisplayName", "info.policyAssignmentName",
	    "info.policyDefinitionName", NULL };
	const struct js *more = js_at(j, "additionalInfo");
	size_t i;

	for (i = 0; i < js_count(more) && why->policy[0] == '\0'; i++)
		copy_line(js_item(more, i), names, why->policy,
		    sizeof(why->policy));
}

void
arm_refusal_parse(int status, const char *text, size_t len,
    struct arm_refusal *why)
{
	char no_json[JS_WHY_MAX];
	struct js *doc = js_parse(text, len, no_json);
	const struct js *j = js_at(doc, "error");

	*why = (struct arm_refusal){ .status = status };
	if (j == NULL)
		j = doc;
	copy_error(j, why);
	if (says_nothing(why))
		prefer(js_item(js_at(j, "details"), 0), why);
	if (says_nothing(why))
		prefer(js_at(j, "innererror"), why);
	copy_policy(j, why);
	js_free(doc);
}
