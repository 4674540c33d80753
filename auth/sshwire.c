/*
 * The data types of SSH, see sshwire.h.
 */
#include <string.h>

#include "auth/sshwire.h"
#include "auth/text.h"

struct sshwire
sshwire_of(const void *data, size_t len)
{
	return ((struct sshwire){ .at = data, .left = len });
}

/* The next len bytes. */
static struct sshspan
take(struct sshwire *w, size_t len)
{
	struct sshspan s = { w->at, len };

	if (w->bad || len > w->left) {
		w->bad = true;
		return ((struct sshspan){ (const uint8_t *)"", 0 });
	}
	w->at += len;
	w->left -= len;
	return (s);
}

static uint64_t
number(struct sshwire *w, size_t len)
{
	struct sshspan s = take(w, len);
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < s.len; i++)
		n = n << 8 | s.at[i];
	return (n);
}

uint32_t
sshwire_u32(struct sshwire *w)
{
	return ((uint32_t)number(w, 4));
}

uint64_t
sshwire_u64(struct sshwire *w)
{
	return (number(w, 8));
}

struct sshspan
sshwire_string(struct sshwire *w)
{
	return (take(w, sshwire_u32(w)));
}

struct sshspan
sshwire_mpint(struct sshwire *w)
{
	struct sshspan s = sshwire_string(w);

	if (s.len > 0 && s.at[0] >= 0x80) {	/* negative */
		w->bad = true;
		s.len = 0;
	}
	while (s.len > 0 && s.at[0] == 0) {
		s.at++;
		s.len--;
	}
	return (s);
}

void
sshwire_expect(struct sshwire *w, const char *text)
{
	if (!sshspan_is(sshwire_string(w), text))
		w->bad = true;
}

bool
sshwire_is_done(const struct sshwire *w)
{
	return (!w->bad && w->left == 0);
}

bool
sshspan_is(struct sshspan s, const char *text)
{
	return (sshspan_same(s, text, strlen(text)));
}

bool
sshspan_same(struct sshspan a, const void *data, size_t len)
{
	return (a.len == len && (len == 0 || memcmp(a.at, data, len) == 0));
}

static int
add_u32(struct secret *out, size_t n)
{
	const uint8_t bytes[4] = { (uint8_t)(n >> 24), (uint8_t)(n >> 16),
	    (uint8_t)(n >> 8), (uint8_t)n };

	return (text_append(out, bytes, sizeof(bytes), SIZE_MAX - 1));
}

int
sshwire_add_string(struct secret *out, const void *data, size_t len)
{
	if (len > UINT32_MAX || add_u32(out, len) == -1)
		return (-1);
	return (text_append(out, data, len, SIZE_MAX - 1));
}

int
sshwire_add_mpint(struct secret *out, const uint8_t *n, size_t len)
{
	size_t sign = len > 0 && n[0] >= 0x80;	/* a zero: it is not negative */

	if (len >= UINT32_MAX || add_u32(out, len + sign) == -1 ||
	    (sign > 0 && text_append(out, "", 1, SIZE_MAX - 1) == -1))
		return (-1);
	return (text_append(out, n, len, SIZE_MAX - 1));
}
