/*
 * Clouds from files, see cloud_file.h.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "auth/azprofile.h"
#include "auth/cloud.h"
#include "auth/cloud_file.h"
#include "auth/ini.h"
#include "auth/json.h"
#include "auth/text.h"
#include "relay/err.h"
#include "relay/secret.h"

#define CLOUD_FILE_MAX	(64 * 1024)	/* bytes */
#define URL_ALSO	"-._:/[]"	/* what a URL may hold beside A-Z a-z 0-9 */

/* A value of a file.  file and key are for the error. */
struct value {
	const char	*file;
	const char	*key;
	const char	*text;	/* lent; NULL: not there */
};

static struct value
member(const struct js *j, const char *file, const char *key)
{
	return ((struct value){ file, key, js_string(j, key) });
}

/*
 * The value, if it is made of A-Z a-z 0-9 and also.  These texts go into URLs and
 * host names, so nothing is let through to be quoted.
 */
static int
put(struct value v, const char *also, char *out, size_t size,
    struct err *e)
{
	if (v.text == NULL || *v.text == '\0')
		return (err_set(e, EX_DATAERR, "", "%s: %s is missing", v.file,
		    v.key));
	if (strlen(v.text) >= size)
		return (err_set(e, EX_DATAERR, "", "%s: %s is too long",
		    v.file, v.key));
	if (also != NULL && !text_only(v.text, also))
		return (err_set(e, EX_DATAERR, "",
		    "%s: %s holds a character that it may not", v.file,
		    v.key));
	(void)snprintf(out, size, "%s", v.text);
	return (0);
}

/* The value as https://HOST[:PORT][/PATH] without a slash at the end. */
static int
put_url(struct value v, char *out, size_t size, struct err *e)
{
	static const char https[] = "https://";
	size_t len;

	if (put(v, URL_ALSO, out, size, e) == -1)
		return (-1);
	for (len = strlen(out); len > 0 && out[len - 1] == '/'; len--)
		out[len - 1] = '\0';
	if (strncmp(out, https, strlen(https)) != 0 ||
	    out[strlen(https)] == '/')
		return (err_set(e, EX_DATAERR, "",
		    "%s: %s must begin with https:// and a host", v.file,
		    v.key));
	return (0);
}

/* An audience is a name and no address: its slash at the end counts. */
static int
put_audience(struct value v, char *out, size_t size, struct err *e)
{
	if (put(v, URL_ALSO, out, size, e) == -1)
		return (-1);
	if (out[0] == '-')	/* it becomes an argument of az */
		return (err_set(e, EX_DATAERR, "", "%s: %s begins with -",
		    v.file, v.key));
	return (0);
}

/* A relative name is one beside the cloud file, wherever we were started. */
static int
put_ca_file(struct value v, char *out, size_t size, struct err *e)
{
	const char *slash = strrchr(v.file, '/');
	char name[sizeof(((struct network *)0)->ca_file)] = "";
	int dir = 0;

	if (put(v, NULL, name, sizeof(name), e) == -1)
		return (-1);
	if (name[0] != '/' && slash != NULL)
		dir = (int)(slash - v.file) + 1;
	if ((size_t)snprintf(out, size, "%.*s%s", dir, v.file, name) >= size)
		return (err_set(e, EX_DATAERR, "", "%s: %s is too long",
		    v.file, v.key));
	return (0);
}

static int
from_json(struct cloud *c, const struct js *j, const char *file, struct err *e)
{
	if (put(member(j, file, "name"), "-._", c->name, sizeof(c->name),
	    e) == -1 ||
	    put_url(member(j, file, "managementEndpoint"), c->management,
	    sizeof(c->management), e) == -1 ||
	    put_url(member(j, file, "authority"), c->authority,
	    sizeof(c->authority), e) == -1)
		return (-1);
	(void)snprintf(c->audience, sizeof(c->audience), "%s", c->management);
	if (js_at(j, "audience") != NULL && put_audience(member(j, file,
	    "audience"), c->audience, sizeof(c->audience), e) == -1)
		return (-1);
	if (js_at(j, "relaySuffix") != NULL && put(member(j, file,
	    "relaySuffix"), "-.:", c->relay_suffix, sizeof(c->relay_suffix),
	    e) == -1)
		return (-1);
	if (js_at(j, "sshScope") != NULL && put_audience(member(j, file,
	    "sshScope"), c->ssh_scope, sizeof(c->ssh_scope), e) == -1)
		return (-1);
	if (js_at(j, "caFile") != NULL && put_ca_file(member(j, file, "caFile"),
	    c->net.ca_file, sizeof(c->net.ca_file), e) == -1)
		return (-1);
	return (0);
}

/* Says why, of errno. */
static int
cannot_read(const char *path, struct err *e)
{
	if (errno == EPERM) {
		err_set(e, EX_CONFIG, "", "the cloud file %s can be changed by "
		    "others, and it says where tokens go", path);
		return (err_fix(e, "make it yours, and writable for you "
		    "alone: chmod go-w %s", path));
	}
	if (errno == EINVAL)
		return (err_set(e, EX_DATAERR, "", "the cloud file %s is not a "
		    "regular file", path));
	return (err_sys(e, errno == EFBIG ? EX_DATAERR : EX_NOINPUT, "",
	    "cannot read the cloud file %s", path));
}

int
cloud_file_read(struct cloud *c, const char *path, struct err *e)
{
	struct secret text = SECRET_INIT;
	char why[JS_WHY_MAX];
	struct js *j = NULL;
	int rc = -1;

	*c = (struct cloud){ .name = "" };
	if (text_read_regular(path, CLOUD_FILE_MAX, true, &text) == -1)
		return (cannot_read(path, e));
	if ((j = js_parse(text.data != NULL ? text.data : "", text.len,
	    why)) == NULL)
		err_set(e, EX_DATAERR, "", "%s: %s", path, why);
	else
		rc = from_json(c, j, path, e);
	js_free(j);
	secret_free(&text);
	return (rc);
}

/* Finds the section, and name as it is written there. */
static int
find_section(const struct secret *text, const char *name, char *out,
    size_t size)
{
	struct ini i;

	for (ini_begin(&i, text->data, text->len); ini_next(&i);)
		if (i.key.len == 0 && ini_is(&i.section, name) &&
		    i.section.len < size) {
			(void)snprintf(out, size, "%.*s", (int)i.section.len,
			    i.section.at);
			return (0);
		}
	return (-1);
}

static int
from_section(struct cloud *c, const struct secret *text, const char *file,
    const char *section, struct err *e)
{
	static const char *const keys[] = { "endpoint_resource_manager",
	    "endpoint_active_directory",
	    "endpoint_active_directory_resource_id" };
	char said[3][sizeof(c->management) + 1];
	struct value v[3];
	char *end;
	size_t i;

	for (i = 0; i < 3; i++)
		v[i] = (struct value){ file, keys[i],
		    ini_get(text->data, text->len, section, keys[i], said[i],
		    sizeof(said[i])) == 0 ? said[i] : NULL };
	if (put((struct value){ file, "the name", section }, "-._", c->name,
	    sizeof(c->name), e) == -1 ||
	    put_url(v[0], c->management, sizeof(c->management), e) == -1 ||
	    put_url(v[1], c->authority, sizeof(c->authority), e) == -1 ||
	    put_audience(v[2], c->audience, sizeof(c->audience), e) == -1)
		return (-1);
	/* az has ADFS in its authority; here it is the tenant adfs */
	if ((end = strrchr(c->authority, '/')) != NULL &&
	    strcasecmp(end, "/adfs") == 0)
		*end = '\0';
	return (0);
}

int
cloud_file_azure_cli(struct cloud *c, const char *name, struct err *e)
{
	struct secret text = SECRET_INIT;
	char path[PATH_MAX], section[sizeof(c->name)];
	int rc = 1;

	*c = (struct cloud){ .name = "" };
	if (azprofile_path("clouds.config", path, sizeof(path)) == -1)
		return (1);
	if (text_read_regular(path, CLOUD_FILE_MAX, true, &text) == -1)
		return (errno == ENOENT || errno == ENOTDIR ? 1 :
		    cannot_read(path, e));
	if (text.len > 0 &&
	    find_section(&text, name, section, sizeof(section)) == 0)
		rc = from_section(c, &text, path, section, e);
	secret_free(&text);
	return (rc);
}

void
cloud_file_azure_cli_names(char *out, size_t size)
{
	struct secret text = SECRET_INIT;
	char path[PATH_MAX];
	size_t len = 0;
	struct ini i;

	out[0] = '\0';
	if (azprofile_path("clouds.config", path, sizeof(path)) == -1 ||
	    text_read_regular(path, CLOUD_FILE_MAX, true, &text) == -1)
		return;
	for (ini_begin(&i, text.data, text.len); ini_next(&i);)
		if (ini_is(&i.key, "endpoint_resource_manager") &&
		    len + i.section.len + 2 < size)
			len += (size_t)snprintf(out + len, size - len, ", %.*s",
			    (int)i.section.len, i.section.at);
	secret_free(&text);
}
