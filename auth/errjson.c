/*
 * Errors as JSON, see errjson.h.
 */
#include "auth/errjson.h"
#include "auth/json.h"
#include "relay/err.h"

int
errjson_put(const struct err *e, struct js *j)
{
	if (js_set_integer(j, "error.status", e->status) == -1 ||
	    js_set_string(j, "error.id", e->id) == -1 ||
	    js_set_string(j, "error.cause", e->cause) == -1 ||
	    js_set_string(j, "error.fix", e->fix) == -1)
		return (-1);
	return (0);
}

int
errjson_get(const struct js *j, struct err *e)
{
	const char *id, *cause, *fix;
	int64_t status;

	if (js_integer(j, "error.status", &status) == -1 || status <= 0 ||
	    status >= 256 || (id = js_string(j, "error.id")) == NULL ||
	    (cause = js_string(j, "error.cause")) == NULL ||
	    (fix = js_string(j, "error.fix")) == NULL)
		return (-1);
	err_set(e, (int)status, id, "%s", cause);
	err_fix(e, "%s", fix);
	return (0);
}

int
errjson_format(const struct err *e, struct secret *out)
{
	struct js *j = js_object();
	int rc = errjson_put(e, j) == 0 ? js_dump(j, out) : -1;

	js_free(j);
	return (rc);
}

int
errjson_parse(const char *text, size_t len, struct err *e)
{
	char why[JS_WHY_MAX];
	struct js *j = js_parse(text, len, why);
	int rc = errjson_get(j, e);

	js_free(j);
	return (rc);
}
