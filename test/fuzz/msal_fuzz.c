/*
 * What the Azure CLI keeps in its folder, each file as if it were every one of
 * them: a token that is found is one that the file holds as a whole string, is
 * one word, and no reader leaves its text.
 */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "auth/azprofile.h"
#include "auth/ini.h"
#include "auth/json.h"
#include "auth/msal.h"
#include "auth/text.h"
#include "relay/secret.h"

/* Is the token the secret of an entry of that kind? */
static void
must_be_in(const struct js *cache, const char *kind, const struct secret *token)
{
	const struct js *entry;
	const char *s = NULL;
	void *at = NULL;

	assert(text_is_visible(token->data, token->len));
	while ((entry = js_each(js_at(cache, kind), &at)) != NULL)
		if ((s = js_string(entry, "secret")) != NULL &&
		    strcmp(s, token->data) == 0)
			break;
	assert(entry != NULL);
}

static void
cache(const char *in, size_t len)
{
	static const struct msal_want want = { "jane@x.test", "t2",
	    "https://login.microsoftonline.com", "https://management.azure.com" };
	struct msal_tokens t = MSAL_TOKENS_INIT;
	char why[JS_WHY_MAX] = "";
	struct js *j = js_parse(in, len, why);

	if (msal_read(in, len, &want, &t, why) == -1)
		assert(t.access.len == 0 && t.refresh.len == 0 &&
		    why[0] != '\0');
	if (t.access.len > 0) {
		assert(t.expires_on > 0);
		must_be_in(j, "AccessToken", &t.access);
	}
	if (t.refresh.len > 0)
		must_be_in(j, "RefreshToken", &t.refresh);
	js_free(j);
	msal_tokens_free(&t);
}

static void
must_end(const char *s, size_t size)
{
	assert(strnlen(s, size) < size);
}

static void
profile(const char *in, size_t len)
{
	struct azprofile p;

	memset(&p, 'x', sizeof(p));
	errno = 0;
	if (azprofile_parse(in, len, &p) == -1)
		assert((errno == ENODATA || errno == EINVAL) &&
		    p.user[0] == '\0');
	must_end(p.user, sizeof(p.user));
	must_end(p.type, sizeof(p.type));
	must_end(p.tenant, sizeof(p.tenant));
	must_end(p.cloud, sizeof(p.cloud));
	must_end(p.subscription, sizeof(p.subscription));
}

static void
must_be_within(const struct ini_text *t, const char *in, size_t len)
{
	assert(t->len == 0 || (t->at >= in && t->at + t->len <= in + len));
	assert(t->len == 0 || memchr(t->at, '\n', t->len) == NULL);
}

static void
configuration(const char *in, size_t len)
{
	char value[20];
	struct ini i;
	size_t n = 0;

	for (ini_begin(&i, in, len); ini_next(&i); n++) {
		must_be_within(&i.section, in, len);
		must_be_within(&i.key, in, len);
		must_be_within(&i.value, in, len);
		assert(i.section.at != NULL);
	}
	assert(n <= len);
	if (ini_get(in, len, "cloud", "name", value, sizeof(value)) == 0)
		assert(value[0] != '\0' && strlen(value) < sizeof(value) &&
		    memmem(in, len, value, strlen(value)) != NULL);
}

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t len)
{
	cache((const char *)in, len);
	profile((const char *)in, len);
	configuration((const char *)in, len);
	return (0);
}
