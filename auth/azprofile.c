/*
 * The Azure CLI's profile, see azprofile.h.
 */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "auth/azprofile.h"
#include "auth/env.h"
#include "auth/json.h"
#include "auth/text.h"
#include "relay/secret.h"

#define PROFILE_MAX	(4 * 1024 * 1024)	/* bytes; 400 a subscription */

int
azprofile_path(const char *name, char *out, size_t size)
{
	const char *folder = env_get("AZURE_CONFIG_DIR"), *below = "";
	int n;

	if (folder == NULL) {
		folder = env_get("HOME");
		below = "/.azure";
	}
	if (folder == NULL || folder[0] != '/')
		return (-1);
	n = snprintf(out, size, "%s%s/%s", folder, below, name);
	return (n > 0 && (size_t)n < size ? 0 : -1);
}

/* Half a name is none. */
static void
copy(const struct js *j, const char *path, char *out, size_t size)
{
	const char *s = js_string(j, path);

	if (s != NULL && strlen(s) < size)
		(void)snprintf(out, size, "%s", s);
}

int
azprofile_parse(const char *text, size_t len, struct azprofile *p)
{
	char why[JS_WHY_MAX];
	const struct js *all, *one = NULL;
	struct js *j;
	size_t i, n;

	*p = (struct azprofile){ .user = "" };
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3;	/* az writes a byte order mark */
		len -= 3;
	}
	if ((j = js_parse(text, len, why)) == NULL) {
		errno = EINVAL;
		return (-1);
	}
	all = js_at(j, "subscriptions");
	n = js_count(all);
	for (i = 0; i < n && one == NULL; i++)
		if (js_is_true(js_at(js_item(all, i), "isDefault")))
			one = js_item(all, i);
	copy(one, "user.name", p->user, sizeof(p->user));
	copy(one, "user.type", p->type, sizeof(p->type));
	copy(one, "tenantId", p->tenant, sizeof(p->tenant));
	copy(one, "environmentName", p->cloud, sizeof(p->cloud));
	js_free(j);
	if (n > 0)
		return (0);
	errno = ENODATA;
	return (-1);
}

int
azprofile_load(struct azprofile *p)
{
	struct secret text = SECRET_INIT;
	char path[PATH_MAX];
	int rc, why;

	*p = (struct azprofile){ .user = "" };
	if (azprofile_path("azureProfile.json", path, sizeof(path)) == -1) {
		errno = ENOENT;
		return (-1);
	}
	if (text_read_regular(path, PROFILE_MAX, false, &text) == -1)
		return (-1);
	rc = azprofile_parse(text.data != NULL ? text.data : "", text.len, p);
	why = errno;
	secret_free(&text);
	errno = why;
	return (rc);
}
