/*
 * arc-relay credentials: the relay credential of a machine as one line of JSON.
 * arc-relay-proxy asks us when its cache has none.
 */
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "auth/arc.h"
#include "auth/cloud.h"
#include "auth/creds.h"
#include "auth/errjson.h"
#include "auth/names.h"
#include "auth/patience.h"
#include "auth/relayinfo.h"
#include "auth/target.h"
#include "auth/token.h"
#include "proxy/cmd.h"
#include "proxy/cmd_options.h"
#include "relay/crypto.h"
#include "relay/err.h"
#include "relay/info.h"

#define WITHIN_MAX_MS	86400000

static const struct option_row table[] = {
	CMD_ROWS,
	{ 'p', "port", "N", "port of the machine (22)", 0 },
	{ 0, "credential", "NAME", "only this token source", 0 },
	{ 0, "refresh", NULL, "do not use the cache", 0 },
	{ 0, "refused", "HEX", "not the one whose accessKey has this SHA-256", 0 },
	{ 0, "no-cache", NULL, "neither use nor write the cache", 0 },
	{ 0, "within", "MS", NULL, 0 },
	{ 0, "errors-as-json", NULL, "tell an error on stdout, for a program", 0 },
	CMD_LAST_ROWS
};
enum { O_PORT = CMD_NROWS, O_CREDENTIAL, O_REFRESH, O_REFUSED, O_NO_CACHE,
    O_WITHIN, O_ERRORS_AS_JSON };

static int
is_sha256(const char *hex)
{
	size_t i;

	for (i = 0; i < SHA256_HEX; i++)
		if (!isxdigit((unsigned char)hex[i]))
			return (0);
	return (hex[i] == '\0');
}

static int
check(const struct options *o, struct err *e)
{
	if (o->nrest != 1) {
		err_set(e, EX_USAGE, "", "one machine must be named");
		return (err_fix(e, "NAME, NAME.GROUP or a resource id, see "
		    "arc-relay list"));
	}
	if (o->value[O_REFUSED] != NULL && !is_sha256(o->value[O_REFUSED]))
		return (err_set(e, EX_USAGE, "",
		    "--refused needs a SHA-256 of 64 hex digits"));
	if (isatty(STDOUT_FILENO)) {
		err_set(e, EX_USAGE, "", "the credential is a secret and is "
		    "not shown on a terminal");
		return (err_fix(e, "pipe it into the program that needs it, or "
		    "umask 077 and > FILE"));
	}
	return (0);
}

/* Past stdio, whose buffer would not be wiped.  Uses line up. */
static int
print(struct secret *line, struct err *e)
{
	const char *p;
	size_t left;
	ssize_t n = 0;

	line->data[line->len] = '\n';	/* the NUL has had its day */
	for (p = line->data, left = line->len + 1; left > 0;
	    p += n, left -= (size_t)n)
		if ((n = write(STDOUT_FILENO, p, left)) == -1) {
			if (errno != EINTR)
				break;
			n = 0;
		}
	if (left > 0)
		err_sys(e, EX_IOERR, "", "cannot write to stdout");
	secret_free(line);
	return (left > 0 ? -1 : 0);
}

/* A machine that is gone may have come back elsewhere: names are asked anew. */
static bool
has_moved(const struct target_request *r, const struct target *t,
    struct arc_id *id, long age_s, struct err *e)
{
	struct target_request again = *r;
	struct err why = *e;
	struct arc_id other;

	if (t->is_id || strcmp(e->id, "E201") != 0 || age_s < NAMES_SETTLED_S)
		return (false);
	again.refresh = true;
	if (target_resolve(&again, t, &other, &age_s, e) == -1) {
		if (e->status != EX_NOHOST)
			*e = why;	/* nobody can be asked: that much is sure */
		return (false);
	}
	if (strcasecmp(other.text, id->text) == 0) {
		*e = why;
		return (false);
	}
	*id = other;
	return (true);
}

static int
get(const struct options *o, struct secret *line, struct err *e)
{
	struct relay_info info = RELAY_INFO_INIT;
	struct cloud cloud;
	struct target target;
	struct arc_id id;
	long port = 22, within_ms = 0, age_s;
	int rc = -1;

	if (check(o, e) == -1 || target_parse(o->rest[0], &target, e) == -1 ||
	    (o->value[O_PORT] != NULL && options_number(o->value[O_PORT], 1,
	    65535, "--port", &port, e) == -1) ||
	    (o->value[O_WITHIN] != NULL && options_number(o->value[O_WITHIN],
	    1, WITHIN_MAX_MS, "--within", &within_ms, e) == -1) ||
	    cmd_cloud(o, &cloud, e) == -1)
		return (-1);
	if (within_ms > 0)
		patience_set(within_ms);

	const struct target_request t = {
		.cloud = &cloud, .credential = o->value[O_CREDENTIAL],
		.no_cache = o->value[O_NO_CACHE] != NULL,
		.refresh = o->value[O_REFRESH] != NULL,
	};
	const struct creds_request r = {
		.cloud = &cloud, .id = &id, .port = (int)port,
		.credential = t.credential,
		.refused = o->value[O_REFUSED],
		.refresh = t.refresh, .no_cache = t.no_cache,
	};

	if (target_resolve(&t, &target, &id, &age_s, e) == -1)
		return (-1);
	if (!target.is_id)
		cmd_renew_names(o, &cloud, t.credential, age_s);
	rc = creds_get(&r, &info, e);
	if (rc == -1 && has_moved(&t, &target, &id, age_s, e))
		rc = creds_get(&r, &info, e);
	if (rc == 0 && (rc = relayinfo_format(&info, line)) == -1)
		err_set(e, EX_OSERR, "", "out of memory");
	relay_info_free(&info);
	return (rc);
}

int
cmd_credentials(int argc, char **argv, struct err *e)
{
	struct secret line = SECRET_INIT;
	char sources[TOKEN_HELP_MAX];
	struct options o;
	int rc, status = 0;

	if ((rc = cmd_parse(table, "credentials [OPTION ...] TARGET",
	    token_help(sources), argc, argv, &o, e)) != 0)
		return (rc == 1 ? 0 : -1);
	rc = get(&o, &line, e);
	if (rc == -1 && o.value[O_ERRORS_AS_JSON] != NULL) {
		status = e->status;
		rc = errjson_format(e, &line);
	}
	if (rc == 0)
		rc = print(&line, e);
	secret_free(&line);
	return (rc == 0 ? status : -1);
}
