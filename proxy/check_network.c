/*
 * Checks of the ways to Azure: login, management and relay.  Nothing that they
 * send needs a token.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "auth/cloud.h"
#include "auth/creds.h"
#include "auth/http.h"
#include "proxy/check.h"
#include "relay/err.h"
#include "relay/info.h"

#define LOGIN_PATH	"/common/v2.0/.well-known/openid-configuration"
#define ARM_PATH	"/subscriptions?api-version=2022-12-01"	/* says 401 */
#define TIMEOUT_S	15
#define BODY_MAX	(1024 * 1024)	/* bytes; a portal is talkative */
#define SSH_PORT	22

/* Who answers is whom we asked. */
static bool
is_json(const struct http_reply *reply)
{
	const char *text = reply->body.data;

	return (text != NULL && text[strspn(text, " \t\r\n")] == '{');
}

/* The relay answers a GET with XML, or refuses it with a page of its own. */
static bool
is_relay(const struct http_reply *reply)
{
	return (reply->status >= 400 || reply->body.data == NULL ||
	    strcasestr(reply->body.data, "<html") == NULL);
}

/* The way, as far as it was seen: "management.azure.com: 20.1.2.3, TLS 1.3, .." */
static void
tell_way(const struct check_out *out, const char *host,
    const struct http_facts *f)
{
	bool by_proxy = f->proxy[0] != '\0';

	check_ok(out, "%.80s: %s%.60s, %s, issuer \"%.60s\", %lld ms", host,
	    by_proxy ? "via proxy " : "", by_proxy ? f->proxy : f->address,
	    f->tls[0] != '\0' ? f->tls : "TLS", f->issuer[0] != '\0' ?
	    f->issuer : "unknown", (long long)f->ms);
}

/* connect_to: TCP goes there, and by no proxy, as a session's does; or NULL. */
static void
look(const struct check_env *env, const struct check_out *out,
    const char *base, const char *path, const char *connect_to,
    bool (*is_theirs)(const struct http_reply *reply))
{
	struct network net = env->cloud.net;
	struct http_reply reply = HTTP_REPLY_INIT;
	struct err e = ERR_INIT;
	struct http_facts f;
	char url[1024], host[256];
	const struct http_request q = { .method = "GET", .url = url,
	    .net = &net, .connect_to = connect_to, .timeout_s = TIMEOUT_S,
	    .body_max = BODY_MAX };
	int rc;

	if (connect_to != NULL)
		(void)snprintf(net.proxy, sizeof(net.proxy), "none");
	(void)snprintf(url, sizeof(url), "%s%s", base, path);
	http_host(url, host, sizeof(host));
	if ((rc = http_look(&q, &reply, &f, &e)) == 0 && !is_theirs(&reply))
		rc = http_refused(host, &reply, &e);
	if (rc == 0)
		tell_way(out, host, &f);
	else
		check_failed(out, &e, CURE_NONE);
	http_reply_free(&reply);
}

void
check_login_host(const struct check_env *env, const struct check_out *out)
{
	look(env, out, env->cloud.authority, LOGIN_PATH, NULL, is_json);
}

void
check_arm_host(const struct check_env *env, const struct check_out *out)
{
	look(env, out, env->cloud.management, ARM_PATH, NULL, is_json);
}

/* Its name is in the relay credential of the machine. */
void
check_relay_host(const struct check_env *env, const struct check_out *out)
{
	const struct creds_request r = { .cloud = &env->cloud, .id = &env->id,
	    .port = env->port != 0 ? env->port : SSH_PORT,
	    .credential = env->credential };
	struct relay_info info = RELAY_INFO_INIT;
	struct err e = ERR_INIT;
	char base[512];

	if (!env->has_id)
		check_skipped(out, "the relay's name is known with a TARGET");
	else if (creds_get(&r, &info, &e) == -1)
		check_skipped(out, "the relay's name is not known without a "
		    "relay credential");
	else {
		(void)snprintf(base, sizeof(base), "https://%s.%s",
		    info.namespace_name, info.namespace_suffix);
		look(env, out, base, "/", env->connect_to, is_relay);
	}
	relay_info_free(&info);
}
