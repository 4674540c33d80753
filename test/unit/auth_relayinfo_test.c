/*
 * Goal: relay information is read as Microsoft's clients write it, and nothing
 * else is.
 */
#include <stdlib.h>
#include <string.h>

#include "auth/relayinfo.h"
#include "relay/crypto.h"
#include "relay/err.h"
#include "relay/info.h"
#include "test/unit/tap.h"

#define ACCESS_KEY	"SharedAccessSignature sr=x&sig=CANARY"
#define FRONT	"{\"relay\":{\"namespaceName\":\"ns\"," \
	"\"namespaceNameSuffix\":\"servicebus.windows.net\"," \
	"\"hybridConnectionName\":\"a/b/v2\"," \
	"\"accessKey\":\"" ACCESS_KEY "\""
#define GOOD	FRONT ",\"expiresOn\":1700000000," \
	"\"serviceConfigurationToken\":\"eyJ0\"}}"

static int
parse(const char *text, size_t len, struct relay_info *info, struct err *e)
{
	*e = (struct err)ERR_INIT;
	relay_info_free(info);
	return (relayinfo_parse(text, len, info, e));
}

static void
is_good(const char *what, const char *text, int with_token)
{
	struct relay_info info = RELAY_INFO_INIT;
	struct err e;
	int rc = parse(text, strlen(text), &info, &e);

	ok(rc == 0 && strcmp(info.namespace_name, "ns") == 0 &&
	    strcmp(info.namespace_suffix, "servicebus.windows.net") == 0 &&
	    strcmp(info.hybrid_connection, "a/b/v2") == 0 &&
	    strcmp(info.access_key.data, ACCESS_KEY) == 0 && info.expires_on == 1700000000 &&
	    (info.service_token.len == 4) == with_token, "%s: read%s%s", what,
	    rc == 0 ? "" : ": ", e.cause);
	relay_info_free(&info);
}

static void
is_bad(const char *what, const char *text, size_t len, const char *says)
{
	struct relay_info info = RELAY_INFO_INIT;
	struct err e;
	int rc = parse(text, len, &info, &e);

	ok(rc == -1 && e.status == EX_DATAERR && strcmp(e.id, "E106") == 0 &&
	    strstr(e.cause, says) != NULL && strstr(e.cause, "CANARY") == NULL,
	    "%s: refused: %s", what, e.cause);
	relay_info_free(&info);
}

#define BAD(what, text, says)	is_bad(what, text, strlen(text), says)

static void
base64_variants(void)
{
	char text[BASE64_SIZE(sizeof(GOOD))], lines[2 * sizeof(text)] = "\n ";
	char *p;
	size_t i, n = 2;

	crypto_base64(GOOD, strlen(GOOD), text);
	is_good("base64", text, 1);
	for (i = 0; text[i] != '\0'; i++) {
		lines[n++] = text[i];
		if (i % 64 == 63) {
			lines[n++] = '\r';
			lines[n++] = '\n';
		}
	}
	lines[n] = '\0';
	is_good("base64 in lines", lines, 1);
	for (p = text; *p != '\0'; p++)
		*p = (char)(*p == '+' ? '-' : *p == '/' ? '_' : *p);
	is_good("base64, URL-safe", text, 1);
	if ((p = strchr(text, '=')) != NULL)
		*p = '\0';
	is_good("base64 without padding", text, 1);
	text[20] = '!';
	BAD("base64 with a foreign byte", text, "neither JSON nor base64");
	crypto_base64("not json", 8, text);
	BAD("base64 of something else", text, "is not JSON");
}

static void
every_cut(void)
{
	struct relay_info info = RELAY_INFO_INIT;
	struct err e;
	size_t len, bad = 0;

	for (len = 0; len < strlen(GOOD); len++)
		bad += parse(GOOD, len, &info, &e) == -1;
	ok(bad == strlen(GOOD), "cut at each byte: refused");
	relay_info_free(&info);
}

static void
large(void)
{
	size_t len = 10 * 1024 * 1024;
	char *text = malloc(len);

	memset(text, '{', len);
	is_bad("10 MB", text, len, "larger than");
	is_bad("64 KiB of {", text, RELAYINFO_MAX, "is not JSON");
	memset(text, ' ', len);
	is_bad("64 KiB of blanks", text, RELAYINFO_MAX, "is empty");
	free(text);
}

static void
there_and_back(void)
{
	struct relay_info info = RELAY_INFO_INIT;
	struct secret text = SECRET_INIT;
	struct err e;
	int rc;

	rc = parse(GOOD, strlen(GOOD), &info, &e);
	ok(rc == 0 && relayinfo_format(&info, &text) == 0 &&
	    strchr(text.data, '\n') == NULL, "formatted in one line");
	is_good("what was formatted", text.data, 1);
	secret_free(&info.service_token);
	ok(relayinfo_format(&info, &text) == 0, "formatted without a token");
	is_good("that, too", text.data, 0);
	secret_free(&text);
	relay_info_free(&info);
}

int
main(void)
{
	is_good("plain JSON", GOOD, 1);
	is_good("JSON after blanks", " \r\n\t" GOOD "\n", 1);
	is_good("digits in a string", FRONT ",\"expiresOn\":\"1700000000\"}}", 0);
	is_good("unknown members", FRONT ",\"new\":{\"a\":[1]},"
	    "\"expiresOn\":1700000000},\"more\":null}", 0);
	is_good("an empty token", FRONT ",\"expiresOn\":1700000000,"
	    "\"serviceConfigurationToken\":\"\"}}", 0);
	base64_variants();

	BAD("nothing", "", "is empty");
	BAD("an array", "[]", "neither JSON nor base64");
	BAD("no relay", "{}", "relay.namespaceName is missing");
	BAD("no expiry", FRONT "}}", "relay.expiresOn is missing");
	BAD("expiry of words", FRONT ",\"expiresOn\":\"soon\"}}", "expiresOn");
	BAD("expiry beyond 64 bits",
	    FRONT ",\"expiresOn\":\"99999999999999999999\"}}", "expiresOn");
	BAD("a member twice", FRONT ",\"accessKey\":\"CANARY\"}}",
	    "names a member twice");
	BAD("a token that is a number", FRONT ",\"expiresOn\":1700000000,"
	    "\"serviceConfigurationToken\":7}}", "serviceConfigurationToken");
	BAD("null for a name", "{\"relay\":{\"namespaceName\":null}}",
	    "relay.namespaceName is missing");
	BAD("a NUL inside", "{\"relay\":{\"namespaceName\":\"n\\u0000s\"}}",
	    "is not JSON");
	BAD("bad UTF-8", "{\"relay\":{\"namespaceName\":\"\xff\"}}",
	    "is not JSON");
	BAD("something after it", GOOD "x", "is not JSON");
	BAD("HTML", "<html>CANARY</html>", "neither JSON nor base64");
	every_cut();
	large();
	there_and_back();
	return (done_testing());
}
