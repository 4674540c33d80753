/*
 * Relay information for this session, see credential.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "auth/arc.h"
#include "auth/cache.h"
#include "auth/cloud.h"
#include "auth/creds.h"
#include "auth/errjson.h"
#include "auth/identity.h"
#include "auth/names.h"
#include "auth/relayinfo.h"
#include "auth/text.h"
#include "proxy/beside.h"
#include "proxy/credential.h"
#include "proxy/opts.h"
#include "proxy/renew.h"
#include "proxy/waiting.h"
#include "relay/crypto.h"
#include "relay/err.h"
#include "relay/info.h"
#include "relay/log.h"

#define CLOCK_SKEW_S	60	/* a credential that ended just now may still do */
#define TO_TELL_MS	500	/* between arc-relay's patience and ours */
#define HELPER		BESIDE_TOOL
#define WRITE_AGAIN	"write it again with az ssh config, or name the " \
			"machine's resource id instead: that never expires"

extern char **environ;

/* Checks what came from a file or the environment.  name: for the error. */
static int
take(const char *text, size_t len, const char *name, const struct cloud *cloud,
    struct relay_info *info, struct err *e)
{
	char when[32];
	time_t end;
	struct tm tm;

	if (relayinfo_parse(text, len, info, e) == -1 ||
	    relay_info_check(info, cloud->relay_suffix, e) == -1) {
		if (e->fix[0] == '\0')
			err_fix(e, WRITE_AGAIN);
		return (-1);
	}
	if (!relay_info_is_expired(info, time(NULL), -CLOCK_SKEW_S))
		return (0);
	end = (time_t)info->expires_on;
	if (gmtime_r(&end, &tm) == NULL || strftime(when, sizeof(when),
	    "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
		(void)snprintf(when, sizeof(when), "an unknown time");
	err_set(e, EX_DATAERR, "E106", "the relay information in %s expired on "
	    "%s", name, when);
	return (err_fix(e, WRITE_AGAIN));
}

static int
from_file(const char *path, const struct cloud *cloud, struct relay_info *info,
    struct err *e)
{
	struct secret text = SECRET_INIT;
	int rc = -1;

	if (text_read_file(path, RELAYINFO_MAX, &text) == 0)
		rc = take(text.data, text.len, path, cloud, info, e);
	else if (errno == EFBIG)
		err_set(e, EX_DATAERR, "E106", "%s has more than %d bytes: "
		    "it is no relay information", path, RELAYINFO_MAX);
	else {
		err_sys(e, EX_NOINPUT, "E106", "cannot read relay information "
		    "from %s", path);
		err_fix(e, WRITE_AGAIN);
	}
	secret_free(&text);
	return (rc);
}

/* The variable is used up: nobody who is started from here inherits it. */
static int
from_environment(const struct cloud *cloud, struct relay_info *info,
    struct err *e)
{
	char *value = getenv("SSHPROXY_RELAY_INFO");
	int rc;

	if (value == NULL) {
		err_set(e, EX_USAGE, "", "neither a target nor -r FILE nor "
		    "SSHPROXY_RELAY_INFO is given");
		return (err_fix(e, "see --help"));
	}
	rc = take(value, strlen(value), "SSHPROXY_RELAY_INFO", cloud, info, e);
	secret_wipe(value, strlen(value));
	(void)unsetenv("SSHPROXY_RELAY_INFO");
	return (rc);
}

#define ARGV_MAX	26

/* In words of the command line. */
struct numbers {
	char	port[8];
	char	within[24];
};

/* n: room for them; refused and wait_ms as in start_helper. */
static void
make_argv(const struct opts *o, const char *refused, int64_t wait_ms,
    struct numbers *n, const char *argv[ARGV_MAX])
{
	const struct { const char *name, *value; } options[] = {
		{ "--port", n->port }, { "--within", n->within },
		{ "--cloud", o->cloud },
		{ "--cloud-file", o->cloud_file }, { "--ca-file", o->ca_file },
		{ "--proxy", o->proxy },
		{ "--proxy-auth-file", o->proxy_auth_file },
		{ "--refused", refused },
	};
	const char **arg = argv;
	size_t i;

	(void)snprintf(n->port, sizeof(n->port), "%d", o->port);
	(void)snprintf(n->within, sizeof(n->within), "%lld",
	    (long long)(wait_ms > 2 * TO_TELL_MS ? wait_ms - TO_TELL_MS :
	    wait_ms / 2 + 1));
	*arg++ = HELPER;
	*arg++ = "credentials";
	*arg++ = "--errors-as-json";
	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (options[i].value != NULL) {
			*arg++ = options[i].name;
			*arg++ = options[i].value;
		}
	if (o->no_cache)
		*arg++ = "--no-cache";
	if (log_wants(LOG_VERBOSE))
		*arg++ = log_wants(LOG_DEBUG) ? "-vv" : "-v";
	*arg++ = "--";
	*arg++ = o->target.text;
	*arg = NULL;
}

/*
 * Starts arc-relay, which is to tell a failure before wait_ms are over; its stdout
 * can be read from *out.  Returns its pid or -1.
 */
static pid_t
start_helper(const char *path, const struct opts *o, const char *refused,
    int64_t wait_ms, int *out)
{
	const char *argv[ARGV_MAX];
	struct numbers numbers;
	pid_t pid = -1;

	make_argv(o, refused, wait_ms, &numbers, argv);
	*out = beside_start(path, argv, environ, false, &pid);
	return (*out == -1 ? -1 : pid);
}

/*
 * Collects what arc-relay writes until it ends.  Returns 0; or -1 as
 * credential_get does.
 */
static int
listen_to_helper(int fd, struct waiting *w, struct secret *text,
    struct err *e)
{
	struct pollfd p = { fd, POLLIN, 0 };
	char buf[4096];
	ssize_t n = 1;

	while (n != 0) {
		switch (waiting_wait(w, &p, waiting_left_ms(w))) {
		case SSHIO_LEFT:
			return (-1);
		case SSHIO_TIMEOUT:
			err_set(e, EX_TEMPFAIL, "E409", HELPER " got no "
			    "credential from Azure in time");
			return (err_fix(e, "try again; see where it waits with: "
			    HELPER " credentials -vv TARGET"));
		case SSHIO_READY:
			break;
		}
		if (p.revents == 0)
			continue;
		if ((n = read(fd, buf, sizeof(buf))) > 0 &&
		    text_append(text, buf, (size_t)n, RELAYINFO_MAX) == -1)
			break;
	}
	secret_wipe(buf, sizeof(buf));
	return (0);
}

static int
from_helper(const struct opts *o, const struct cloud *cloud,
    struct waiting *w, const char *refused, struct relay_info *info,
    struct err *e)
{
	struct secret text = SECRET_INIT;
	char path[BESIDE_MAX];
	int fd, status, rc = -1;
	pid_t pid;

	beside_find(HELPER, BESIDE_VARIABLE, path);
	log_verbose("asking %s for a credential", path);
	waiting_look(w);	/* so that arc-relay knows it, too */
	if ((pid = start_helper(path, o, refused, waiting_left_ms(w),
	    &fd)) == -1) {
		err_sys(e, EX_UNAVAILABLE, "E109", "cannot start %s", path);
		return (err_fix(e, "install " HELPER " beside arc-relay-proxy, "
		    "or set ARC_RELAY_HELPER to its path"));
	}
	waiting_for(w, "Azure to hand out a credential");
	if (listen_to_helper(fd, w, &text, e) == -1) {
		(void)kill(pid, SIGKILL);	/* it may be stopped */
		goto out;
	}
	if (errjson_parse(text.data, text.len, e) == 0)
		goto out;		/* it said what is wrong */
	rc = take(text.data, text.len, "the answer of " HELPER, cloud, info,
	    e);
 out:
	(void)close(fd);
	(void)waitpid(pid, &status, 0);
	secret_free(&text);
	return (rc);
}

/*
 * The resource id that the target is known by.  Returns 0; or -1: it is not
 * known, with an error if arc-relay would say no other.
 */
static int
find_id(const struct opts *o, const struct cache *cache, const char *identity,
    struct arc_id *id, struct err *e)
{
	const struct renew how = {
		.cloud = o->cloud, .cloud_file = o->cloud_file,
		.ca_file = o->ca_file, .proxy = o->proxy,
		.proxy_auth_file = o->proxy_auth_file,
	};
	enum names_found found;
	long age_s = 0;

	if (o->target.is_id)
		return (arc_id_parse(o->target.text, id, e));
	found = names_find(cache, identity, o->target.text, id, &age_s, e);
	if (found == NAMES_NONE && age_s >= NAMES_SETTLED_S)
		*e = (struct err)ERR_INIT;	/* there may be one by now */
	else if (found != NAMES_MISS)
		renew_names(cache, identity, age_s, &how);
	return (found == NAMES_ONE ? 0 : -1);
}

/* Returns 0; or -1 for a miss, with an error as find_id. */
static int
from_cache(const struct opts *o, const struct cloud *cloud,
    const char *refused, struct relay_info *info, struct err *e)
{
	char identity[SHA256_HEX + 1];
	struct cache_key key;
	struct cache cache;
	struct arc_id id;
	int rc = -1;

	if (!cache_is_wanted(o->no_cache))
		return (-1);
	identity_hash(cloud, NULL, NULL, identity);
	cache_open(&cache);	/* arc-relay tells when there is none */
	if (find_id(o, &cache, identity, &id, e) == 0) {
		key = cache_key_relay(identity, id.text, o->port);
		rc = creds_cached(&cache, &key, cloud->relay_suffix, refused,
		    info);
	}
	cache_close(&cache);
	if (rc == 0)
		log_verbose("the cache has a credential of %s", id.text);
	return (rc);
}

int
credential_get(const struct opts *o, const struct cloud *cloud,
    struct waiting *w, const struct relay_info *refused,
    struct relay_info *info, bool *is_new, struct err *e)
{
	char hex[SHA256_HEX + 1];

	*e = (struct err)ERR_INIT;
	*is_new = false;
	if (o->relay_file != NULL)
		return (from_file(o->relay_file, cloud, info, e));
	if (!o->has_target)
		return (from_environment(cloud, info, e));

	if (refused != NULL)
		crypto_sha256_hex(refused->access_key.data,
		    refused->access_key.len, hex);
	if (from_cache(o, cloud, refused != NULL ? hex : NULL, info, e) == 0)
		return (0);
	if (e->status != 0)
		return (-1);
	*is_new = true;
	return (from_helper(o, cloud, w, refused != NULL ? hex : NULL, info,
	    e));
}
