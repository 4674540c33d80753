/*
 * Hosts without a proxy, see noproxy.h.
 */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "relay/noproxy.h"

#define NAME_MAX_BYTES	255
#define DIGITS		"0123456789"

struct address {
	uint8_t	byte[16];
	int	bits;		/* 32, 128; 0: it is a name */
};

static struct address
read_address(const char *text)
{
	struct address a = { .bits = 0 };

	if (inet_pton(AF_INET, text, a.byte) == 1)
		a.bits = 32;
	else if (inet_pton(AF_INET6, text, a.byte) == 1)
		a.bits = 128;
	return (a);
}

/* "[text]" -> "text", "name." -> "name". */
static void
strip(char *s)
{
	size_t len = strlen(s);

	if (len >= 2 && s[0] == '[' && s[len - 1] == ']') {
		memmove(s, s + 1, len - 2);
		s[len - 2] = '\0';
	} else if (len > 1 && s[len - 1] == '.')
		s[len - 1] = '\0';
}

/* A whole number up to max, or -1. */
static int
number(const char *s, int max)
{
	size_t len = strlen(s);
	long n = strtol(s, NULL, 10);

	if (len == 0 || len > 5 || strspn(s, DIGITS) != len || n > max)
		return (-1);
	return ((int)n);
}

static bool
same_network(const struct address *a, const struct address *b, int bits)
{
	int whole = bits / 8, rest = bits % 8;

	return (a->bits == b->bits &&
	    memcmp(a->byte, b->byte, (size_t)whole) == 0 &&
	    (rest == 0 || (a->byte[whole] ^ b->byte[whole]) >> (8 - rest) == 0));
}

/* Cuts ":PORT" off; -1 when it is none, 0 when there is none. */
static int
cut_port(char *entry)
{
	char *colon = strrchr(entry, ':');
	int port;

	if (colon == NULL || (entry[0] == '[' && colon[-1] != ']') ||
	    (entry[0] != '[' && strchr(entry, ':') != colon))
		return (0);	/* none, or IPv6 without brackets */
	*colon = '\0';
	port = number(colon + 1, 65535);
	return (port > 0 ? port : -1);
}

static bool
matches_name(const char *entry, const char *host)
{
	size_t n, len = strlen(host);

	if (entry[0] == '*' && entry[1] == '.')
		entry++;
	entry += entry[0] == '.';
	n = strlen(entry);
	return (n > 0 && n <= len && strcasecmp(host + len - n, entry) == 0 &&
	    (n == len || host[len - n - 1] == '.'));
}

static bool
matches(char *entry, const char *host, const struct address *address, int port)
{
	struct address network;
	int only, bits = -1;
	char *slash;

	only = cut_port(entry);
	if (only == -1 || (only > 0 && only != port))
		return (false);
	if (strcmp(entry, "*") == 0)
		return (true);
	if ((slash = strchr(entry, '/')) != NULL) {
		*slash = '\0';
		if ((bits = number(slash + 1, 128)) == -1)
			return (false);
	}
	strip(entry);
	network = read_address(entry);
	if (network.bits == 0)
		return (bits == -1 && address->bits == 0 &&
		    matches_name(entry, host));
	return (bits <= network.bits && same_network(&network, address,
	    bits == -1 ? network.bits : bits));
}

bool
noproxy_has(const char *list, const char *host, int port)
{
	char entry[NAME_MAX_BYTES + 16], name[NAME_MAX_BYTES + 3];
	struct address address;
	size_t n;

	(void)snprintf(name, sizeof(name), "%s", host);
	strip(name);
	address = read_address(name);
	for (; list != NULL; list += n) {
		list += strspn(list, ", \t");
		if ((n = strcspn(list, ", \t")) == 0)
			return (false);
		if (n >= sizeof(entry))
			continue;
		memcpy(entry, list, n);
		entry[n] = '\0';
		if (matches(entry, name, &address, port))
			return (true);
	}
	return (false);
}
