/*
 * JSON by jansson, see json.h.  Its heap is ours, so that tokens are wiped.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "auth/json.h"
#include "relay/secret.h"

#define LINE	(JSON_COMPACT | JSON_ENSURE_ASCII)

static const json_t *
value(const struct js *j)
{
	return ((const json_t *)j);
}

struct js *
js_parse(const char *text, size_t len, char why[JS_WHY_MAX])
{
	json_error_t bad;
	json_t *root;

	json_set_alloc_funcs(secret_malloc, secret_mfree);
	if ((root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &bad)) == NULL)
		/* bad.text would quote what it read */
		(void)snprintf(why, JS_WHY_MAX, "%s near byte %d",
		    json_error_code(&bad) == json_error_duplicate_key ?
		    "names a member twice" : "is not JSON", bad.position);
	return ((struct js *)root);
}

void
js_free(struct js *j)
{
	json_decref((json_t *)j);
}

/* The next name of path as a string in name; NULL after the last. */
static const char *
step(const char *path, char *name, size_t size)
{
	size_t len = strcspn(path, ".");

	(void)snprintf(name, size, "%.*s", (int)len, path);
	return (path[len] == '.' ? path + len + 1 : NULL);
}

const struct js *
js_at(const struct js *j, const char *path)
{
	const json_t *v = value(j);
	char name[64];

	while (v != NULL && path != NULL) {
		path = step(path, name, sizeof(name));
		v = json_object_get(v, name);
	}
	return ((const struct js *)v);
}

const char *
js_string(const struct js *j, const char *path)
{
	return (json_string_value(value(js_at(j, path))));
}

int
js_integer(const struct js *j, const char *path, int64_t *out)
{
	const json_t *v = value(js_at(j, path));
	const char *digits = json_string_value(v);
	char *end;

	if (json_is_integer(v)) {
		*out = json_integer_value(v);
		return (0);
	}
	if (digits == NULL || digits[0] == '\0' ||
	    digits[strspn(digits, "0123456789")] != '\0')
		return (-1);
	errno = 0;
	*out = strtoll(digits, &end, 10);
	return (errno == 0 ? 0 : -1);
}

bool
js_is_object(const struct js *j)
{
	return (json_is_object(value(j)));
}

bool
js_is_array(const struct js *j)
{
	return (json_is_array(value(j)));
}

bool
js_is_null(const struct js *j)
{
	return (json_is_null(value(j)));
}

bool
js_is_true(const struct js *j)
{
	return (json_is_true(value(j)));
}

size_t
js_count(const struct js *j)
{
	return (json_array_size(value(j)));
}

const struct js *
js_item(const struct js *j, size_t i)
{
	return ((const struct js *)json_array_get(value(j), i));
}

const struct js *
js_each(const struct js *j, void **at)
{
	json_t *o = (json_t *)j;

	*at = *at == NULL ? json_object_iter(o) : json_object_iter_next(o, *at);
	return ((const struct js *)json_object_iter_value(*at));
}

const char *
js_name(void *at)
{
	return (json_object_iter_key(at));
}

struct js *
js_object(void)
{
	json_set_alloc_funcs(secret_malloc, secret_mfree);
	return ((struct js *)json_object());
}

struct js *
js_text(const char *string)
{
	json_set_alloc_funcs(secret_malloc, secret_mfree);
	return ((struct js *)json_string(string));
}

int
js_put(struct js *object, const char *name, struct js *new)
{
	return (json_object_set_new((json_t *)object, name, (json_t *)new));
}

/* Takes the new value. */
static int
set(struct js *j, const char *path, json_t *new)
{
	json_t *o = (json_t *)j, *inner;
	char name[64];

	while ((path = step(path, name, sizeof(name))) != NULL) {
		if ((inner = json_object_get(o, name)) == NULL &&
		    json_object_set_new(o, name, inner = json_object()) == -1) {
			json_decref(new);
			return (-1);
		}
		o = inner;
	}
	return (json_object_set_new(o, name, new));
}

int
js_set_string(struct js *j, const char *path, const char *string)
{
	return (set(j, path, json_string(string)));
}

int
js_set_integer(struct js *j, const char *path, int64_t number)
{
	return (set(j, path, json_integer(number)));
}

int
js_set_boolean(struct js *j, const char *path, bool is)
{
	return (set(j, path, json_boolean(is)));
}

int
js_set_null(struct js *j, const char *path)
{
	return (set(j, path, json_null()));
}

int
js_dump(const struct js *j, struct secret *out)
{
	char *text = json_dumps(value(j), LINE);
	int rc = -1;

	if (text != NULL)
		rc = secret_set(out, text, strlen(text));
	secret_mfree(text);
	return (rc);
}

int
js_print(const struct js *j, FILE *out)
{
	return (json_dumpf(value(j), out, LINE));
}

const char *
js_version(void)
{
	return (JANSSON_VERSION);
}
