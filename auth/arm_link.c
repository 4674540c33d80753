/*
 * The links in Azure's answers, see arm_link_path in arm.h.
 */
#include <string.h>
#include <strings.h>

#include "auth/arm.h"
#include "auth/cloud.h"
#include "auth/text.h"

#define LINK_MAX	8192	/* bytes; seen: 3,000 */

struct place {
	const char	*host, *port, *path;
	size_t		 host_len, port_len;
};

/* "https://HOST[:PORT]..."; the path is what follows. */
static int
split(const char *url, struct place *p)
{
	static const char https[] = "https://";
	const char *colon;
	size_t len;

	if (strncasecmp(url, https, strlen(https)) != 0)
		return (-1);
	p->host = url + strlen(https);
	p->host_len = len = strcspn(p->host, "/?#\\");
	p->path = p->host + len;
	p->port = "443";
	p->port_len = 3;
	colon = memrchr(p->host, ':', len);
	/* not one of those within [an IPv6 address] */
	if (colon != NULL && memchr(colon, ']', (size_t)(p->path - colon)) ==
	    NULL) {
		p->host_len = (size_t)(colon - p->host);
		p->port = colon + 1;
		p->port_len = (size_t)(p->path - p->port);
	}
	return (0);
}

const char *
arm_link_path(const struct cloud *c, const char *url)
{
	struct place home, link;
	size_t below;

	if (strlen(url) > LINK_MAX || !text_is_visible(url, strlen(url)) ||
	    strpbrk(url, "#\\") != NULL || split(c->management, &home) == -1 ||
	    split(url, &link) == -1)
		return (NULL);
	if (link.host_len != home.host_len || link.port_len != home.port_len ||
	    strncasecmp(link.host, home.host, home.host_len) != 0 ||
	    memcmp(link.port, home.port, home.port_len) != 0)
		return (NULL);
	/* what arm_call will put before it again */
	below = strlen(home.path);
	if (strncmp(link.path, home.path, below) != 0 ||
	    link.path[below] != '/')
		return (NULL);
	return (link.path + below);
}
