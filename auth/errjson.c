/*
 * Errors as JSON, see errjson.h.
 */
#include "auth/errjson.h"
#include "auth/json.h"
#include "relay/err.h"

int
errjson_format(const struct err *e, struct secret *out)
{
	struct js *j = js_object();
	int rc = -1;

	if (j != NULL && js_set_integer(j, "error.status", e->status) == 0 &&
	    js_set_string(j, "error.id", e->id) == 0 &&
	    js_set_string(j, "error.cause", e->cause) == 0 &&
	    js_set_string(j, "error.fix", e->fix) == 0)
		rc = js_dump(j, out);
	js_free(j);
	return (rc);
}

int
errjson_parse(const char *text, size_t len, struct err *e)
{
	char why[JS_WHY_MAX];
	struct js *j = js_parse(text, len, why);
	const char *id, *cause, *fix;
	int64_t status;
	int rc = -1;

	if (j != NULL && js_integer(j, "error.status", &status) == 0 &&
	    status > 0 && status < 256 &&
	    (id = js_string(j, "error.id")) != NULL &&
	    (cause = js_string(j, "error.cause")) != NULL &&
	    (fix = js_string(j, "error.fix")) != NULL) {
		err_set(e, (int)status, id, "%s", cause);
		err_fix(e, "%s", fix);
		rc = 0;
	}
	js_free(j);
	return (rc);
}
