/*
 * Goal: digests, base64 and random bytes are what the RFCs say.
 */
#include <stdlib.h>
#include <string.h>

#include "relay/crypto.h"
#include "test/unit/tap.h"

static const char *
hex(const uint8_t *p, size_t len)
{
	static char text[2 * 64 + 1];
	size_t i;

	for (i = 0; i < len; i++)
		(void)snprintf(text + 2 * i, 3, "%02x", p[i]);
	return (text);
}

static void
test_digests(void)
{
	/* RFC 3174 section 7.3; FIPS 180-4's examples */
	static const struct {
		const char	*text;
		int		 times;
		const char	*sha1, *sha256;
	} v[] = {
		{ "", 1, "da39a3ee5e6b4b0d3255bfef95601890afd80709",
		    "e3b0c44298fc1c149afbf4c8996fb924"
		    "27ae41e4649b934ca495991b7852b855" },
		{ "abc", 1, "a9993e364706816aba3e25717850c26c9cd0d89d",
		    "ba7816bf8f01cfea414140de5dae2223"
		    "b00361a396177a9cb410ff61f20015ad" },
		{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
		    "84983e441c3bd26ebaae4aa1f95129e5e54670f1",
		    "248d6a61d20638b8e5c026930c3e6039"
		    "a33ce45964ff2167f6ecedd419db06c1" },
		{ "a", 1000000, "34aa973cd4c4daa4f61eeb2bdbad27316534016f",
		    "cdc76e5c9914fb9281a1c7e284d73e67"
		    "f1809a48a497200e046d39ccc7112cd0" },
	};
	uint8_t sum[SHA256_BYTES];
	char text[SHA256_HEX + 1], *data;
	size_t i, k, n, len;

	for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		n = strlen(v[i].text);
		len = n * (size_t)v[i].times;
		data = malloc(len + 1);
		for (k = 0; k < len; k++)
			data[k] = v[i].text[k % n];
		crypto_sha1(data, len, sum);
		ok(strcmp(hex(sum, SHA1_BYTES), v[i].sha1) == 0,
		    "SHA-1 of %zu bytes", len);
		crypto_sha256(data, len, sum);
		ok(strcmp(hex(sum, SHA256_BYTES), v[i].sha256) == 0,
		    "SHA-256 of %zu bytes", len);
		memset(text, 'x', sizeof(text));
		crypto_sha256_hex(data, len, text);
		ok(memcmp(text, v[i].sha256, sizeof(text)) == 0,
		    "the same in hex, with its NUL");
		free(data);
	}
}

static void
test_hmac(void)
{
	/* RFC 4231; n: the key, or the data, is that many of the one byte */
	static const struct {
		const char	*key;
		size_t		 nkey;
		const char	*data;
		size_t		 ndata;
		const char	*mac;
	} v[] = {
		{ "\x0b", 20, "Hi There", 0, "b0344c61d8db38535ca8afceaf0bf12b"
		    "881dc200c9833da726e9376c2e32cff7" },
		{ "Jefe", 0, "what do ya want for nothing?", 0,
		    "5bdcc146bf60754e6a042426089575c7"
		    "5a003f089d2739839dec58b964ec3843" },
		{ "\xaa", 20, "\xdd", 50, "773ea91e36800e46854db8ebd09181a7"
		    "2959098b3ef8c122d9635514ced565fe" },
		{ "\xaa", 131,
		    "Test Using Larger Than Block-Size Key - Hash Key First", 0,
		    "60e431591ee0b67f0d8a26aacbf5b77f"
		    "8e0bc6213728c5140546040f0ee37f54" },
		{ "\xaa", 131, "This is a test using a larger than block-size "
		    "key and a larger than block-size data. The key needs to be "
		    "hashed before being used by the HMAC algorithm.", 0,
		    "9b09ffa71b942fcb27635fbcd5b0e944"
		    "bfdc63644f0713938a7f51535c3a35e2" },
	};
	/* a SAS token of Azure Relay: the key is its text, not decoded */
	static const char sas_key[] = "dGVzdC1rZXktMDEyMzQ1Njc4OQ==";
	static const char sas_text[] = "https%3A%2F%2Fcontoso.servicebus."
	    "windows.net%2Fmy%2Fhybrid\n1700000000";
	uint8_t mac[SHA256_BYTES];
	char key[200], data[200], text[BASE64_SIZE(SHA256_BYTES)];
	size_t i, nkey, ndata;

	for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		nkey = v[i].nkey > 0 ? v[i].nkey : strlen(v[i].key);
		ndata = v[i].ndata > 0 ? v[i].ndata : strlen(v[i].data);
		if (v[i].nkey > 0)
			memset(key, v[i].key[0], nkey);
		else
			memcpy(key, v[i].key, nkey);
		if (v[i].ndata > 0)
			memset(data, v[i].data[0], ndata);
		else
			memcpy(data, v[i].data, ndata);
		crypto_hmac_sha256(key, nkey, data, ndata, mac);
		ok(strcmp(hex(mac, sizeof(mac)), v[i].mac) == 0,
		    "HMAC-SHA-256, key of %zu, data of %zu bytes", nkey, ndata);
	}
	crypto_hmac_sha256(sas_key, strlen(sas_key), sas_text, strlen(sas_text),
	    mac);
	crypto_base64(mac, sizeof(mac), text);
	ok(strcmp(text, "OWdbJuHHbP8iL96jIh17j9oFR6JJw1MQ7e4N4fhx8vQ=") == 0,
	    "the signature of a SAS token");
}

static void
test_base64(void)
{
	/* RFC 4648 section 10 */
	static const char *const v[][2] = {
		{ "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" },
		{ "foo", "Zm9v" }, { "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" },
	};
	uint8_t data[300], back[300];
	char text[BASE64_SIZE(300) + 1];
	size_t i, len, wrong = 0;

	for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		len = strlen(v[i][0]);
		memset(text, '#', sizeof(text));
		crypto_base64(v[i][0], len, text);
		ok(memcmp(text, v[i][1], strlen(v[i][1]) + 1) == 0 &&
		    text[BASE64_SIZE(len)] == '#',
		    "base64 of \"%s\", with its NUL and no more", v[i][0]);
	}
	for (len = 0; len <= sizeof(data); len++) {
		for (i = 0; i < len; i++)
			data[i] = (uint8_t)(i * 167 + len);
		text[0] = '\0';
		crypto_base64(data, len, text);
		wrong += strlen(text) + 1 != BASE64_SIZE(len);
		wrong += crypto_unbase64(text, strlen(text), back,
		    sizeof(back)) != (ptrdiff_t)len ||
		    memcmp(back, data, len) != 0;
	}
	ok(wrong == 0, "0 to 300 bytes there and back");
}

static void
test_unbase64(void)
{
	static const struct {
		const char	*what, *text, *plain;	/* NULL: refused */
		size_t		 len;		/* of text; 0: strlen */
	} v[] = {
		{ "nothing", "", "", 0 },
		{ "standard", "Pz8/Pj4+", "??" "?>>>", 0 },
		{ "URL-safe", "Pz8_Pj4-", "??" "?>>>", 0 },
		{ "both alphabets", "Pz8_Pj4+", "??" "?>>>", 0 },
		{ "no padding, 1 over", "Zm9vYg", "foob", 0 },
		{ "no padding, 2 over", "Zm9vYmE", "fooba", 0 },
		{ "half the padding", "Zm9vYg=", "foob", 0 },
		{ "line ends", "Zm9v\r\nYmFy\r\n", "foobar", 0 },
		{ "blanks and tabs", " Zm\t9v Ym Fy\n\n", "foobar", 0 },
		{ "white space in the padding", "Zm9vYg=\n=\n", "foob", 0 },
		{ "more white space than text", "Zg                             "
		    "                                                           "
		    "                                                      ", "f",
		    0 },
		{ "one letter alone", "Z", NULL, 0 },
		{ "one letter too many", "Zm9vY", NULL, 0 },
		{ "padding in the middle", "Zg==Zm9v", NULL, 0 },
		{ "data after padding", "Zg=v", NULL, 0 },
		{ "a foreign letter", "Zm9v!mFy", NULL, 0 },
		{ "a dot", "Zm9v.mFy", NULL, 0 },
		{ "a percent escape", "Zg%3D%3D", NULL, 0 },
		{ "a letter beyond ASCII", "Zm9v\xc3\xa9==", NULL, 0 },
		{ "a NUL", "Zm9v\0mFy", NULL, 8 },
		{ "a vertical tab", "Zm9v\vYmFy", NULL, 0 },
		{ "JSON", "{\"relay\":1}", NULL, 0 },
	};
	uint8_t out[64];
	size_t i, len;
	ptrdiff_t n, want;

	for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		len = v[i].len > 0 ? v[i].len : strlen(v[i].text);
		want = v[i].plain != NULL ? (ptrdiff_t)strlen(v[i].plain) : -1;
		n = crypto_unbase64(v[i].text, len, out,
		    want > 0 ? (size_t)want : sizeof(out));
		ok(n == want && (n <= 0 ||
		    memcmp(out, v[i].plain, (size_t)n) == 0), "%s: %s",
		    v[i].what, want == -1 ? "refused" : "decoded");
	}
	memset(out, 0x77, sizeof(out));
	ok(crypto_unbase64("Zm9vYmFy", 8, out, 5) == -1 && out[5] == 0x77,
	    "room for 5 bytes of 6: refused, nothing written behind");
	ok(crypto_unbase64("Zm9vYmFy", 8, out, 6) == 6 && out[6] == 0x77,
	    "room for 6 of 6");
	ok(crypto_unbase64("Zg==", 4, out, 0) == -1, "no room at all");
}

static void
test_random(void)
{
	static uint8_t a[5000], b[5000];
	size_t i, ones = 0, same = 0;

	a[0] = 0x5a;
	crypto_random(a, 0);
	ok(a[0] == 0x5a, "no random bytes: nothing written");
	crypto_random(a, sizeof(a));
	crypto_random(b, sizeof(b));
	for (i = 0; i < sizeof(a); i++) {
		ones += (size_t)__builtin_popcount(a[i]);
		same += a[i] == b[i];
	}
	/* 40,000 coins: 1,000 off the middle is ten standard deviations */
	ok(ones > 19000 && ones < 21000, "%zu of 40000 bits are set", ones);
	ok(same < 100, "another call gives other bytes");
	ok(memcmp(a, a + 1024, 900) != 0 && memcmp(a, a + 4096, 900) != 0,
	    "and so does each part of a long one");
}

static void
test_uuid(void)
{
	char a[UUID_SIZE], b[UUID_SIZE];

	crypto_uuid(a);
	crypto_uuid(b);
	ok(strlen(a) == 36 && strspn(a, "0123456789abcdef-") == 36 &&
	    a[8] == '-' && a[13] == '-' && a[14] == '4' && a[18] == '-' &&
	    strchr("89ab", a[19]) != NULL && a[23] == '-', "uuid: %s", a);
	ok(strcmp(a, b) != 0, "uuid: another each time");
}

static void
test_base64url(void)
{
	char out[BASE64_SIZE(5)];

	crypto_base64url("\xfb\xff\xbf\xff", 4, out);
	ok(strcmp(out, "-_-__w") == 0, "base64url: %s", out);
	crypto_base64url("", 0, out);
	ok(strcmp(out, "") == 0, "base64url of nothing");
}

int
main(void)
{
	test_digests();
	test_hmac();
	test_base64();
	test_unbase64();
	test_random();
	test_uuid();
	test_base64url();
	return (done_testing());
}
