/*
 * The command line of arc-relay-proxy, see opts.h.
 */
#include <string.h>

#include "proxy/options.h"
#include "proxy/opts.h"
#include "relay/err.h"

#define SSH_PORT		22
#define DEADLINE_S		120	/* an agent's first listener takes 30-90 s */
#define DEADLINE_MAX_S		86400	/* as config install takes it */
#define PORT_MAX		65535

enum {
	RELAY_FILE, PORT, CONNECT_TO, PROXY, PROXY_AUTH_FILE, CA_FILE, CLOUD,
	CLOUD_FILE, NO_CACHE, DEADLINE, PROBE, VERBOSE, LOG_JSON, SHOW_VERSION,
	SHOW_HELP
};

static const struct option_row table[] = {
	[RELAY_FILE] = { 'r', "relay-info", "FILE",
	    "relay information, as az ssh config writes it", 0 },
	[PORT] = { 'p', "port", "PORT", "port on the machine (22)", 0 },
	[CONNECT_TO] = { 0, "connect-to", "HOST:PORT",
	    "TCP goes there instead (private endpoint)", 0 },
	[PROXY] = { 0, "proxy", "URL", "HTTP proxy; \"none\": no proxy", 0 },
	[PROXY_AUTH_FILE] = { 0, "proxy-auth-file", "FILE",
	    "USER:PASSWORD for the proxy", 0 },
	[CA_FILE] = { 0, "ca-file", "FILE",
	    "trust these certificates only (PEM)", 0 },
	[CLOUD] = { 0, "cloud", "NAME",
	    "AzureCloud, AzureUSGovernment or AzureChinaCloud", 0 },
	[CLOUD_FILE] = { 0, "cloud-file", "FILE", "a cloud of your own", 0 },
	[NO_CACHE] = { 0, "no-cache", NULL,
	    "neither use nor write the cache", 0 },
	[DEADLINE] = { 0, "deadline", "SECONDS",
	    "give up connecting after (120)", 0 },
	[PROBE] = { 0, "probe", NULL,
	    "only tell how far a dial comes, as JSON on stdout", 0 },
	[VERBOSE] = { 'v', "verbose", NULL,
	    "tell on stderr what happens; -vv: more", 1 },
	[LOG_JSON] = { 0, "log-json", NULL, "messages as JSON, one a line", 0 },
	[SHOW_VERSION] = { 'V', "version", NULL, "print the version", 0 },
	[SHOW_HELP] = { 'h', "help", NULL, "print this", 0 },
	{ 0, NULL, NULL, NULL, 0 }
};

void
opts_help(FILE *out)
{
	(void)fprintf(out,
	    "usage: arc-relay-proxy [OPTION ...] TARGET\n"
	    "       arc-relay-proxy [OPTION ...] -r FILE\n\n"
	    "Connects stdin and stdout to the SSH server of an Azure Arc "
	    "machine, for ssh's\nProxyCommand.  TARGET: NAME[.GROUP"
	    "[.SUBSCRIPTION]][.arc], or a resource id.\n\n");
	options_help(table, out);
	(void)fprintf(out, "\nWithout both, the relay information is taken "
	    "from SSHPROXY_RELAY_INFO.\n"
	    "To set up: arc-relay config install.  When it fails: arc-relay "
	    "doctor TARGET\n");
}

/* "host:1234", "[::1]:1234" -> host, port. */
static int
split_host_port(const char *text, struct opts *o, struct err *e)
{
	const char *colon = strrchr(text, ':'), *host = text;
	size_t len = colon != NULL ? (size_t)(colon - text) : 0;
	long port;

	if (len >= 2 && host[0] == '[' && host[len - 1] == ']') {
		host++;
		len -= 2;
	}
	if (len == 0 || len > OPTS_HOST_MAX || strcspn(host, "[]") < len ||
	    (host == text && memchr(host, ':', len) != NULL))
		return (err_set(e, EX_USAGE, "", "--connect-to needs HOST:PORT, "
		    "not \"%.80s\"", text));
	if (options_number(colon + 1, 1, PORT_MAX, "the port of --connect-to",
	    &port, e) == -1)
		return (-1);
	memcpy(o->connect_host, host, len);
	o->connect_host[len] = '\0';
	o->connect_port = (int)port;
	return (0);
}

const char *
opts_machine(const struct opts *o)
{
	if (!o->has_target)
		return ("the machine");
	return (o->target.is_id ? strrchr(o->target.text, '/') + 1 :
	    o->target.text);
}

int
opts_parse(int argc, char **argv, struct opts *o, struct err *e)
{
	struct options got;
	long n;

	*o = (struct opts){ .port = SSH_PORT, .deadline_s = DEADLINE_S };
	if (options_parse(table, argc, argv, &got, e) == -1) {
		o->log_json = got.count[LOG_JSON] > 0;
		o->probe = got.count[PROBE] > 0;
		return (-1);
	}
	o->relay_file = got.value[RELAY_FILE];
	o->ca_file = got.value[CA_FILE];
	o->proxy = got.value[PROXY];
	o->proxy_auth_file = got.value[PROXY_AUTH_FILE];
	o->cloud = got.value[CLOUD];
	o->cloud_file = got.value[CLOUD_FILE];
	o->no_cache = got.count[NO_CACHE] > 0;
	o->probe = got.count[PROBE] > 0;
	o->show_version = got.count[SHOW_VERSION] > 0;
	o->show_help = got.count[SHOW_HELP] > 0;
	o->log_level = got.count[VERBOSE] > 1 ? LOG_DEBUG :
	    got.count[VERBOSE] == 1 ? LOG_VERBOSE : LOG_QUIET;
	o->drop_in = got.nrest == 0 && !o->probe;
	o->log_json = o->drop_in || got.count[LOG_JSON] > 0;

	if (got.nrest > 1)
		return (err_set(e, EX_USAGE, "", "one target at a time: \"%s\" "
		    "is one too many", got.rest[1]));
	if (got.nrest == 1 && o->relay_file != NULL) {
		err_set(e, EX_USAGE, "", "both -r %s and the target %s are "
		    "given", o->relay_file, got.rest[0]);
		return (err_fix(e, "leave one of them out"));
	}
	if (got.nrest == 1) {
		if (target_parse(got.rest[0], &o->target, e) == -1)
			return (-1);
		o->has_target = true;
	}
	if (o->cloud != NULL && o->cloud_file != NULL)
		return (err_set(e, EX_USAGE, "", "--cloud and --cloud-file "
		    "exclude each other"));
	if (got.value[PORT] != NULL) {
		if (options_number(got.value[PORT], 1, PORT_MAX, "the port", &n,
		    e) == -1)
			return (-1);
		o->port = (int)n;
	}
	if (got.value[DEADLINE] != NULL) {
		if (options_number(got.value[DEADLINE], 1, DEADLINE_MAX_S,
		    "--deadline", &n, e) == -1)
			return (-1);
		o->deadline_s = (int)n;
	}
	if (got.value[CONNECT_TO] != NULL)
		return (split_host_port(got.value[CONNECT_TO], o, e));
	return (0);
}
