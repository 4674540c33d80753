/*
 * Goal: the identification of an SSH server is found as ssh finds it, however it
 * is cut, and nothing else is taken for one.
 */
#include <stdlib.h>
#include <string.h>

#include "proxy/ident.h"
#include "test/unit/tap.h"

static struct ident id;

/* In pieces of so many bytes. */
static enum ident_found
take(const char *text, size_t len, size_t piece)
{
	enum ident_found found = IDENT_MORE;
	size_t n;

	id = (struct ident)IDENT_INIT;
	for (; len > 0 && found == IDENT_MORE; text += n, len -= n) {
		n = len < piece ? len : piece;
		found = ident_take(&id, (const uint8_t *)text, n);
	}
	return (found);
}

static const struct {
	const char	*text;
	enum ident_found found;
	const char	*line;		/* or what came first */
} v[] = {
	{ "SSH-2.0-OpenSSH_9.2p1\r\n", IDENT_SSH, "SSH-2.0-OpenSSH_9.2p1" },
	{ "SSH-2.0-x y\n\0\0", IDENT_SSH, "SSH-2.0-x y" },
	{ "SSH-1.99-x\r\n", IDENT_SSH, "SSH-1.99-x" },
	{ "Hello\r\n\r\nSSH-2.0-x\r\n", IDENT_SSH, "SSH-2.0-x" },
	{ " SSH-2.0-x\r\nSSH-2.0-y\r\n", IDENT_SSH, "SSH-2.0-y" },
	{ "SSH-2.0-\x1b[2J\xff\r\n", IDENT_SSH, "SSH-2.0-?[2J?" },
	{ "SSH-2.0-x", IDENT_MORE, "SSH-2.0-x" },
	{ "SSH-2.0-x\r", IDENT_MORE, "SSH-2.0-x?" },
	{ "SSH-1.5-x\r\n", IDENT_OTHER, "SSH-1.5-x??" },
	{ "SSH-3.0-x\r\n", IDENT_OTHER, "SSH-3.0-x??" },
	{ "ssh-2.0-x\r\n", IDENT_MORE, "ssh-2.0-x??" },
	{ "HTTP/1.1 400 Bad Request\r\n\r\n", IDENT_MORE,
	    "HTTP/1.1 400 Bad Request????" },
};

static void
test_limits(void)
{
	static char text[IDENT_BYTES + 100];

	memset(text, 'x', sizeof(text));
	memcpy(text, "SSH-2.0-", 8);
	text[IDENT_MAX - 2] = '\r';
	text[IDENT_MAX - 1] = '\n';
	ok(take(text, IDENT_MAX, 7) == IDENT_SSH &&
	    strlen(id.line) == IDENT_MAX - 2, "the longest line");
	memcpy(text + IDENT_MAX - 2, "xxx", 3);
	ok(take(text, IDENT_MAX + 1, 7) == IDENT_OTHER, "a longer one");
	memset(text, 'y', sizeof(text));
	ok(take(text, IDENT_BYTES, 1000) == IDENT_MORE &&
	    take(text, IDENT_BYTES + 1, 1000) == IDENT_OTHER,
	    "%d bytes and not one more", IDENT_BYTES);
	ok(strlen(id.first) == IDENT_FIRST && strspn(id.first, "y") ==
	    IDENT_FIRST, "the first bytes are kept");
	memset(text, '\n', sizeof(text));
	ok(take(text, IDENT_LINES, 1000) == IDENT_MORE &&
	    take(text, IDENT_LINES + 1, 1000) == IDENT_OTHER,
	    "%d lines and not one more", IDENT_LINES);
	ok(take("a\0b", 3, 1) == IDENT_OTHER && strcmp(id.first, "a?") == 0,
	    "a NUL is not of SSH");
}

int
main(void)
{
	static const size_t pieces[] = { 1, 2, 3, 1000 };
	size_t i, k;

	for (i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		for (k = 0; k < sizeof(pieces) / sizeof(pieces[0]); k++) {
			enum ident_found found = take(v[i].text,
			    strlen(v[i].text), pieces[k]);

			ok(found == v[i].found && strncmp(found == IDENT_SSH ?
			    id.line : id.first, v[i].line,
			    strlen(v[i].line)) == 0, "%zu bytes at a time: %s",
			    pieces[k], v[i].line);
		}
	test_limits();
	return (done_testing());
}
