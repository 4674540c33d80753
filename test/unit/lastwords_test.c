/*
 * Goal: what we say as the server's last words is an identification string and
 * one SSH_MSG_DISCONNECT of RFC 4253, whatever its length.
 */
#include <string.h>

#include "proxy/lastwords.h"
#include "test/unit/tap.h"

static size_t
u32(const uint8_t *p)
{
	return ((size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 |
	    p[3]);
}

/*
 * A receiver's reading, sections 4.2, 6 and 11.1.  Returns what is wrong, or
 * NULL and the sentence.
 */
static const char *
receive(const uint8_t *p, size_t len, const uint8_t **sentence, size_t *n)
{
	const uint8_t *end = p + len, *lf = memchr(p, '\n', len);
	size_t packet, padding;

	if (lf == NULL || lf == p || lf[-1] != '\r' || lf - p > 254)
		return ("no identification line");
	if (memcmp(p, "SSH-2.0-", 8) != 0 || memchr(p + 8, '-',
	    (size_t)(lf - p) - 8) != NULL || memchr(p, ' ',
	    (size_t)(lf - p)) != NULL)
		return ("not an identification of a server");
	p = lf + 1;
	if (end - p < 16)
		return ("shorter than the shortest packet");
	packet = u32(p);
	padding = p[4];
	if (packet + 4 != (size_t)(end - p))
		return ("packet_length is not what follows");
	if ((packet + 4) % 8 != 0)
		return ("not a multiple of the block size");
	if (padding < 4 || padding >= packet)
		return ("padding_length");
	end -= padding;
	p += 5;
	if (*p++ != 1)
		return ("not SSH_MSG_DISCONNECT");
	if (u32(p) != 2)
		return ("not the reason that OpenSSH shows");
	p += 4;
	*n = u32(p);
	p += 4;
	if (*n > (size_t)(end - p) - 4)
		return ("the description is longer than the packet");
	*sentence = p;
	p += *n;
	if (u32(p) != 0 || p + 4 != end)
		return ("language tag");
	return (NULL);
}

int
main(void)
{
	char text[LASTWORDS_MAX + 200];
	uint8_t out[LASTWORDS_SIZE + 8];
	const uint8_t *sentence;
	const char *why, *first = NULL;
	size_t len, n, size, want, wrong = 0, longest = 0, behind = 0;
	size_t paddings[16] = { 0 }, i;

	memset(out, 0xee, sizeof(out));
	size = lastwords("web01: nothing listens on port 22 [E505]", out);
	why = receive(out, size, &sentence, &n);
	ok(why == NULL, "a sentence: %s", why != NULL ? why : "received");
	ok(why == NULL && n == 40 && memcmp(sentence,
	    "web01: nothing listens on port 22 [E505]", 40) == 0,
	    "and it is what was said");
	ok(memcmp(out, "SSH-2.0-arc_relay_proxy\r\n", 25) == 0,
	    "after our identification");

	for (len = 0; len < sizeof(text); len++) {
		for (i = 0; i < len; i++)
			text[i] = (char)(' ' + (i * 7 + len) % 95);
		text[len] = '\0';
		memset(out, 0xee, sizeof(out));
		size = lastwords(text, out);
		longest = size > longest ? size : longest;
		for (i = size; i < sizeof(out); i++)
			behind += out[i] != 0xee;
		want = len < LASTWORDS_MAX ? len : LASTWORDS_MAX;
		why = receive(out, size, &sentence, &n);
		if (why == NULL && (n != want ||
		    memcmp(sentence, text, want) != 0))
			why = "another sentence";
		if (why != NULL) {
			first = first != NULL ? first : why;
			wrong++;
		} else
			paddings[out[25 + 4] % 16]++;
	}
	ok(wrong == 0, "lengths 0 to %zu, cut at %d: %s", sizeof(text) - 1,
	    LASTWORDS_MAX, wrong == 0 ? "received" : first);
	for (i = 4, n = 0; i < 12; i++)
		n += paddings[i] > 0;
	ok(n == 8, "with each padding from 4 to 11");
	ok(longest <= LASTWORDS_SIZE, "at most %zu bytes of %d", longest,
	    LASTWORDS_SIZE);
	ok(behind == 0, "nothing written behind the packet");
	return (done_testing());
}
