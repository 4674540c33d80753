/*
 * What is seen on the way, see http_facts.h.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <curl/curl.h>

#include "auth/http.h"
#include "auth/http_facts.h"
#include "relay/log.h"

#define USING	"SSL connection using TLS"	/* then "v1.3 / CIPHER" */
#define ISSUER	"Issuer:"
#define COMMON	"CN = "

/* libcurl tells the version of TLS in its chatter only, whatever makes its TLS. */
static int
on_chatter(CURL *curl, curl_infotype kind, char *data, size_t len, void *arg)
{
	struct http_facts *f = arg;
	const size_t head = strlen(USING);
	size_t n;

	(void)curl;
	if (kind != CURLINFO_TEXT || len < head ||
	    memcmp(data, USING, head) != 0)
		return (0);
	data += head;
	len -= head;
	if (len > 0 && *data == 'v') {
		data++;
		len--;
	}
	for (n = 0; n < len && strchr("0123456789.", data[n]) != NULL; n++)
		;
	(void)snprintf(f->tls, sizeof(f->tls), "TLS %.*s", (int)n, data);
	return (0);
}

void
http_facts_ask(void *curl, struct http_facts *f, bool only_shake_hands)
{
	curl_easy_setopt(curl, CURLOPT_VERBOSE, 1L);
	curl_easy_setopt(curl, CURLOPT_DEBUGFUNCTION, on_chatter);
	curl_easy_setopt(curl, CURLOPT_DEBUGDATA, f);
	curl_easy_setopt(curl, CURLOPT_CERTINFO, 1L);
	curl_easy_setopt(curl, CURLOPT_SHARE, NULL);
	curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
	if (!only_shake_hands)
		return;
	curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
}

/* The common name out of "C = US, O = Example, CN = Example CA"; else all of it. */
static void
read_issuer(const struct curl_certinfo *chain, struct http_facts *f)
{
	const struct curl_slist *line;
	const char *name, *common;

	if (chain == NULL || chain->num_of_certs < 1)
		return;
	for (line = chain->certinfo[0]; line != NULL; line = line->next)
		if (strncmp(line->data, ISSUER, strlen(ISSUER)) == 0)
			break;
	if (line == NULL)
		return;
	name = line->data + strlen(ISSUER);
	if ((common = strstr(name, COMMON)) != NULL)
		name = common + strlen(COMMON);
	(void)snprintf(f->issuer, sizeof(f->issuer), "%s", name);
	log_clean(f->issuer);
}

void
http_facts_read(void *curl, const char *proxy, struct http_facts *f)
{
	struct curl_certinfo *chain = NULL;
	const char *address = NULL;
	curl_off_t us = 0;

	(void)snprintf(f->proxy, sizeof(f->proxy), "%s", proxy);
	(void)curl_easy_getinfo(curl, CURLINFO_PRIMARY_IP, &address);
	if (proxy[0] == '\0' && address != NULL)
		(void)snprintf(f->address, sizeof(f->address), "%s", address);
	(void)curl_easy_getinfo(curl, CURLINFO_TOTAL_TIME_T, &us);
	f->ms = us / 1000;
	(void)curl_easy_getinfo(curl, CURLINFO_CERTINFO, &chain);
	read_issuer(chain, f);
}
