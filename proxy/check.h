/*
 * One thing that arc-relay doctor looks at, and what it found.  Checks know
 * nothing of each other and print nothing: doctor runs those that do not need
 * each other's answer at the same time, each in a process of its own, so that
 * one that hangs ends with its time and takes nobody along.
 */
#ifndef PROXY_CHECK_H
#define PROXY_CHECK_H

#include <stdbool.h>

#include "auth/arc.h"
#include "auth/cloud.h"
#include "auth/target.h"
#include "relay/err.h"

struct options;

/* What is known before: a check that needs more than there is says CHECK_SKIPPED. */
struct check_env {
	const struct options	*o;		/* of doctor, begins with CMD_ROWS */
	struct cloud		 cloud;
	const char		*credential;	/* token source; NULL: any */
	bool			 has_target;
	struct target		 target;	/* as typed */
	bool			 has_id;	/* TARGET was found */
	struct arc_id		 id;
	int			 port;		/* of the machine; 0: not said */
};

enum check_verdict { CHECK_OK, CHECK_WARNING, CHECK_FAILED, CHECK_SKIPPED };

/* What --fix may do about it: nothing that loses anything, and after asking. */
enum check_cure {
	CURE_NONE,
	CURE_MODES,		/* chmod of ssh's files that are too open */
	CURE_CONFIG,		/* arc-relay config install */
	CURE_CACHE,		/* arc-relay cache clear */
	CURE_CERTIFICATE,	/* arc-relay cert ensure */
	CURE_REGISTER,		/* arc-relay register */
	CURE_ENABLE,		/* arc-relay enable TARGET */
};

#define FINDING_MAX	256	/* bytes, printable ASCII after log_clean */

struct finding {
	enum check_verdict	 verdict;
	char			 what[FINDING_MAX];	/* "azure-cli: ann@contoso.com, until 12:05" */
	struct err		 e;	/* cause, fix and id of a warning or failure */
	enum check_cure		 cure;
};

/* A check may find several things: calls found for each, in order. */
struct check_out {
	void	(*found)(void *arg, const struct finding *f);
	void	*arg;
};
typedef void check_run(const struct check_env *env, const struct check_out *out);

/* For a check: one finding. */
void	 check_ok(const struct check_out *out, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));
void	 check_skipped(const struct check_out *out, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));
void	 check_warned(const struct check_out *out, const struct err *e,
	    enum check_cure cure);
void	 check_failed(const struct check_out *out, const struct err *e,
	    enum check_cure cure);

/*
 * All of them, in the order in which they are told: what is near comes first.
 * stage: those of one stage run at once, after those of the stages before; what
 * failed before is told, and what follows from it is skipped there.
 */
struct check {
	const char	*phase;		/* "local", "network", "login", "azure", "relay", "ssh" */
	const char	*name;		/* "clock", "proxy" */
	int		 stage;		/* 0: needs nothing; 1: needs a login; 2: needs the machine */
	int		 limit_s;	/* longest it may take */
	check_run	*run;
};

/* check_local.c: what is on this computer */
check_run check_ssh_version, check_ssh_files, check_config, check_clock,
    check_cache, check_keys;

/* check_network.c: ways to Azure: names, route, proxy, TLS with issuer and version */
check_run check_login_host, check_arm_host, check_relay_host;

/* check_azure.c: who we are there, and what of the machine is set up */
check_run check_login, check_provider, check_machine, check_index,
    check_endpoint, check_permissions;

/* check_relay.c: a dial, to the banner of the machine's SSH server */
check_run check_dial;

#endif
