/*
 * The fence around local requests, and headers of an answer.
 */
#include <string.h>

#include "auth/http.h"
#include "relay/err.h"
#include "test/unit/tap.h"

static void
test_local_urls(void)
{
	static const struct { const char *url; int local; } rows[] = {
		{ "http://169.254.169.254/metadata/identity", 1 },
		{ "http://localhost:40342/metadata", 1 },
		{ "http://LocalHost/", 1 },
		{ "http://localhost", 1 },
		{ "http://127.0.0.1:8081/msi/token/?x=1", 1 },
		{ "http://127.9.9.9/", 1 },
		{ "http://169.254.131.2:8081/msi/token", 1 },
		{ "http://[::1]:80/", 1 },
		{ "http://[fe80::1]/", 1 },
		{ "https://127.0.0.1/", 0 },
		{ "HTTP://127.0.0.1/", 0 },
		{ "http://example.test/", 0 },
		{ "http://localhost.example.test/", 0 },
		{ "http://127.0.0.1.example.test/", 0 },
		{ "http://localhost@example.test/", 0 },
		{ "http://localhost:80@example.test/", 0 },
		{ "http://example.test/@localhost", 0 },
		{ "http://10.0.0.1/", 0 },
		{ "http://169.253.0.1/", 0 },
		{ "http://169.255.0.1/", 0 },
		{ "http://128.0.0.1/", 0 },
		{ "http://0.0.0.0/", 0 },
		{ "http://0x7f.1/", 0 },
		{ "http://127.1/", 0 },
		{ "http://2130706433/", 0 },
		{ "http://[::ffff:10.0.0.1]/", 0 },
		{ "http://[2001:db8::1]/", 0 },
		{ "http://[::]/", 0 },
		{ "http://[::1]x/", 0 },
		{ "http://[::1/", 0 },
		{ "http://::1/", 0 },
		{ "http://127.0.0.1:80a/", 0 },
		{ "http://127.0.0.1\\@example.test/", 0 },
		{ "http://127.0.0.1#@example.test/", 0 },
		{ "http://127.0.0.1?@example.test/", 0 },
		{ "http://127.0.0.1%40example.test/", 0 },
		{ "http://127.0.0.1/\r\nHost: example.test", 0 },
		{ "http:///", 0 },
		{ "http://", 0 },
		{ "127.0.0.1", 0 },
		{ "", 0 },
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ok(http_is_local_url(rows[i].url) == (rows[i].local != 0),
		    "%.*s is %slocal",
		    (int)strcspn(rows[i].url, "\r\\#"), rows[i].url,
		    rows[i].local ? "" : "not ");
}

static void
test_not_local(void)
{
	struct http_request q = { .method = "GET", .local = true,
	    .url = "http://u:secret@10.0.0.1/x", .timeout_s = 1,
	    .body_max = 10 };
	struct http_reply reply = HTTP_REPLY_INIT;
	struct err e = ERR_INIT;

	ok(http_once(&q, &reply, &e) == -1 && e.status == EX_CONFIG &&
	    strcmp(e.id, "E313") == 0 && strstr(e.cause, "10.0.0.1") != NULL,
	    "a local request elsewhere is refused: %s", e.cause);
	ok(strstr(e.cause, "secret") == NULL, "without the password");
	http_reply_free(&reply);
}

static void
test_headers(void)
{
	static const char text[] = "HTTP/1.1 401 X\r\nA: 1\r\n"
	    "WWW-Authenticate:  Basic realm=/x \r\na: 2\r\n\r\n";
	struct http_reply reply = HTTP_REPLY_INIT;
	char out[20];

	ok(secret_set(&reply.header, text, strlen(text)) == 0 &&
	    http_header(&reply, "www-authenticate", out, sizeof(out)) &&
	    strcmp(out, "Basic realm=/x") == 0, "any case, no blanks around");
	ok(http_header(&reply, "a", out, sizeof(out)) && strcmp(out, "1") == 0,
	    "the first of that name");
	ok(!http_header(&reply, "www", out, sizeof(out)) && out[0] == '\0',
	    "a beginning is not the name");
	ok(!http_header(&reply, "www-authenticate", out, 14) && out[0] == '\0',
	    "one that does not fit is none");
	http_reply_free(&reply);
	http_host("https://h.test?x=y/z", out, sizeof(out));
	ok(strcmp(out, "h.test") == 0, "a host without a path");
	http_host("https://h.test:8443/a/b", out, sizeof(out));
	ok(strcmp(out, "h.test:8443") == 0, "host and port of a URL");
}

int
main(void)
{
	test_local_urls();
	test_not_local();
	test_headers();
	return (done_testing());
}
