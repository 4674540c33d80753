/*
 * arc-relay-proxy: the whole of it, as a table of contents.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "auth/cloud.h"
#include "auth/env.h"
#include "proxy/credential.h"
#include "proxy/diag.h"
#include "proxy/dial.h"
#include "proxy/harden.h"
#include "proxy/lasterror.h"
#include "proxy/lastwords.h"
#include "proxy/opts.h"
#include "proxy/pump.h"
#include "proxy/sshio.h"
#include "relay/clock.h"
#include "relay/err.h"
#include "relay/info.h"
#include "relay/log.h"
#include "relay/wire.h"

#define PROGRAM	"arc-relay-proxy"

/*
 * A session from end to end.  p and refusal tell afterwards how far it came.
 */
static int
session(const struct opts *o, struct sshio *ssh, struct pump *p,
    struct wire_answer *refusal, struct err *e)
{
	int64_t began_ms = clock_ms();
	struct diag_names names = { opts_machine(o), o->port };
	struct relay_info info = RELAY_INFO_INIT;
	struct wire *wire = NULL;
	struct cloud cloud;
	int rc = -1;

	if (cloud_load(&cloud, o->cloud, o->cloud_file, e) == -1 ||
	    cloud_network(&cloud, o->ca_file, o->proxy, o->proxy_auth_file,
	    e) == -1)
		goto out;
	if (credential_get(o, &cloud, ssh, NULL, o->deadline_s * 1000L, &info,
	    e) == -1)
		goto out;
	if (dial(o, &cloud, &names, ssh, began_ms, &info, &wire, refusal,
	    e) == -1)
		goto out;
	relay_info_free(&info);		/* an open session needs no secret */
	env_forget_secrets();

	p->in = ssh->in;
	p->out = ssh->out;
	p->leave = &sshio_leave;
	p->mask = &ssh->mask;
	p->wire = wire;
	rc = pump_run(p, e);
	log_verbose("%llu bytes up, %llu bytes down",
	    (unsigned long long)p->up_bytes, (unsigned long long)p->down_bytes);
	if (p->down_bytes == 0 && !p->ssh_left && !p->dead &&
	    p->decoder.why == NULL)
		rc = diag_no_banner(&names, e);
 out:
	wire_free(wire);
	relay_info_free(&info);
	return (rc);
}

/*
 * The line on stderr as Microsoft's sshproxy writes it: az ssh and Az.Ssh look
 * for its beginning.
 */
static void
tell_as_sshproxy(const struct pump *p, const struct wire_answer *refusal,
    const char *line)
{
	if (p->down_bytes > 0)
		log_always("fatal", "sshproxy: error copying information from "
		    "the connection: %s", line);
	else if (refusal->status != 0)
		log_always("fatal", "sshproxy: error connecting to the address: "
		    "%d %s. websocket: bad handshake. %s", refusal->status,
		    refusal->reason, line);
	else
		log_always("fatal", "sshproxy: error connecting to the address: "
		    "%s", line);
}

/*
 * The one place where an error is told: to ssh, which shows it even where our
 * stderr goes nowhere, on stderr, and then to who asks for it later.
 */
static void
tell(const struct opts *o, struct sshio *ssh, const struct pump *p,
    const struct wire_answer *refusal, const struct err *e)
{
	uint8_t packet[LASTWORDS_SIZE];
	char line[ERR_LINE_MAX + 1];
	int said = 0;

	(void)err_line(e, PROGRAM, o->has_target ? opts_machine(o) : NULL,
	    line, sizeof(line));
	if (ssh->out != -1 && p->down_bytes == 0)
		said = sshio_farewell(ssh, packet, lastwords(line, packet));
	if (o->log_json && o->drop_in)
		tell_as_sshproxy(p, refusal, line);
	else if (o->log_json)
		log_always("fatal", "%s", line);
	else if (!said || !isatty(STDERR_FILENO))	/* not twice */
		(void)fprintf(stderr, "%s\n", line);
	if (e->status != EX_USAGE)
		lasterror_keep(o->has_target ? o->target.text : "", e, line);
}

int
main(int argc, char **argv)
{
	struct sshio ssh = { .in = -1, .out = -1 };
	struct pump pump = { .in = -1 };
	struct wire_answer refusal = { .status = 0 };
	struct err e = ERR_INIT;
	struct opts o;
	int rc;

	harden_process();
	rc = opts_parse(argc, argv, &o, &e);
	log_init(PROGRAM, o.log_level, o.log_json);
	if (rc == -1) {
		struct err unused;

		(void)sshio_open(&ssh, &unused);	/* ssh shall hear of it */
		goto out;
	}
	if (o.show_help) {
		opts_help(stdout);
		return (0);
	}
	if (o.show_version) {
		(void)puts(PROGRAM " " VERSION);
		return (0);
	}
	if ((rc = sshio_open(&ssh, &e)) == -1)
		goto out;
	harden_memory();
	if ((rc = pump_init(&pump, &e)) == -1)
		goto out;
	rc = session(&o, &ssh, &pump, &refusal, &e);
 out:
	if (rc == -1 && e.status != 0)
		tell(&o, &ssh, &pump, &refusal, &e);
	pump_free(&pump);
	sshio_close(&ssh);
	return (rc == 0 ? 0 : e.status);
}
