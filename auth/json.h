/*
 * JSON behind our own small interface; only json.c knows jansson.  The prefix
 * is js_ because json_ is jansson's.  What a document held is wiped with it.
 *
 * A path names a member, from the outside in: "relay.accessKey"; NULL: the value
 * itself.
 */
#ifndef AUTH_JSON_H
#define AUTH_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct js;	/* a document, or a value within one */
struct secret;

#define JS_WHY_MAX	64	/* bytes, with the NUL */

/*
 * Reads one object or array, and nothing after it (RFC 8259).  A member given
 * twice, a NUL in a string or bad UTF-8 is refused.  Gives the document, or NULL
 * with a why that names the place and shows nothing of the content.
 */
struct js	*js_parse(const char *text, size_t len, char why[JS_WHY_MAX]);
void		 js_free(struct js *);

/* The value at path; NULL if there is none.  Lends it. */
const struct js	*js_at(const struct js *, const char *path);

/* The string at path; NULL if there is none or it is no string.  Lends it. */
const char	*js_string(const struct js *, const char *path);

/*
 * The integer at path, written as a number or as digits in a string: Azure does
 * both.  Returns 0, or -1 if there is none.
 */
int		 js_integer(const struct js *, const char *path, int64_t *out);

/* What a value is; NULL is none of them. */
bool		 js_is_object(const struct js *);
bool		 js_is_array(const struct js *);
bool		 js_is_null(const struct js *);
bool		 js_is_true(const struct js *);

/* The elements of an array: how many (0 if it is none), and one.  Lends it. */
size_t		 js_count(const struct js *);
const struct js	*js_item(const struct js *, size_t i);

/*
 * The values of an object's members, whatever their names: *at is NULL for the
 * first, and is moved on.  NULL after the last, or if it is no object.  Lends it.
 * js_name: the name of the one that was given last.
 */
const struct js	*js_each(const struct js *, void **at);
const char	*js_name(void *at);

/*
 * Building: begin with js_object, then set members; objects on the way are made.
 * Each returns 0, or -1: no memory, or not UTF-8.  js_dump replaces out by the
 * text, one line of ASCII without newline; js_print writes that, and returns -1
 * when it cannot.
 */
struct js	*js_object(void);
int		 js_set_string(struct js *, const char *path, const char *value);
int		 js_set_integer(struct js *, const char *path, int64_t value);
int		 js_set_boolean(struct js *, const char *path, bool is);
int		 js_set_null(struct js *, const char *path);
int		 js_dump(const struct js *, struct secret *out);
int		 js_print(const struct js *, FILE *out);

/*
 * A text as a value to put into an object; and the member of any name, dots and
 * all, which takes the value.  A value that is NULL, for it could not be made, is
 * an error like that of js_set_string.
 */
struct js	*js_text(const char *string);
int		 js_put(struct js *object, const char *name, struct js *value);

/* "2.14", of the library. */
const char	*js_version(void);

#endif
