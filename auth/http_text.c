/*
 * What is said of a request and of its answer in text, see http.h.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "auth/http.h"
#include "auth/text.h"

#define HTTP		"http://"
#define HTTPS_PORT	443

bool
http_header(const struct http_reply *reply, const char *name, char *out,
    size_t size)
{
	const char *line = reply->header.data, *end;
	size_t n = strlen(name), len;

	out[0] = '\0';
	for (; line != NULL && (end = strchr(line, '\n')) != NULL;
	    line = end + 1) {
		if (strncasecmp(line, name, n) != 0 || line[n] != ':')
			continue;
		line += n + 1;
		line += strspn(line, " \t");
		for (len = (size_t)(end - line); len > 0 &&
		    isspace((unsigned char)line[len - 1]); len--)
			;
		if (len >= size)
			return (false);
		memcpy(out, line, len);
		out[len] = '\0';
		return (true);
	}
	return (false);
}

void
http_host(const char *url, char *out, size_t size)
{
	const char *host = strstr(url, "://");

	host = host != NULL ? host + 3 : url;
	(void)snprintf(out, size, "%.*s", (int)strcspn(host, "/?#"), host);
}

void
http_target(const char *url, char *host, size_t size, int *port)
{
	char *colon;

	http_host(url, host, size);
	colon = strrchr(host, ':');
	*port = HTTPS_PORT;
	if (colon != NULL && strchr(colon, ']') == NULL) {
		*port = (int)strtol(colon + 1, NULL, 10);
		*colon = '\0';
	}
}

bool
http_is_local_address(const struct sockaddr *address)
{
	const struct sockaddr_in *v4 = (const void *)address;
	const struct sockaddr_in6 *v6 = (const void *)address;
	uint32_t ip;

	switch (address->sa_family) {
	case AF_INET:
		ip = ntohl(v4->sin_addr.s_addr);
		return (ip >> 24 == 127 || ip >> 16 == (169 << 8 | 254));
	case AF_INET6:
		return (IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr) ||
		    IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr));
	default:
		return (false);
	}
}

bool
http_is_local_url(const char *url)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	char host[64], *h = host;
	const char *at, *port;
	size_t len, n;

	if (strncmp(url, HTTP, strlen(HTTP)) != 0)
		return (false);
	at = url + strlen(HTTP);
	n = strcspn(at, "/");
	if (!text_is_visible(at, n + strlen(at + n)) ||
	    strcspn(at, "@\\#?%") < n)
		return (false);
	len = at[0] == '[' ? strcspn(at, "]") + 1 : strcspn(at, ":/");
	if (len > n || len >= sizeof(host))
		return (false);
	port = at + len;
	if (len < n && (*port++ != ':' ||
	    strspn(port, "0123456789") != (size_t)(at + n - port)))
		return (false);
	memcpy(host, at, len);
	host[len] = '\0';
	if (strcasecmp(host, "localhost") == 0)
		return (true);
	if (host[0] == '[') {
		host[len - 1] = '\0';
		return (inet_pton(AF_INET6, ++h, &v6.sin6_addr) == 1 &&
		    http_is_local_address((struct sockaddr *)&v6));
	}
	return (inet_pton(AF_INET, h, &v4.sin_addr) == 1 &&
	    http_is_local_address((struct sockaddr *)&v4));
}
