/*
 * One thing that arc-relay doctor looks at, and what it found.  Checks know
 * nothing of each other and print nothing: those that do not need each other's
 * answer run at the same time, each in a process of its own, so that one that
 * hangs or breaks takes nobody along.
 */
#ifndef PROXY_CHECK_H
#define PROXY_CHECK_H

#include <stdbool.h>
#include <stddef.h>

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
	const char		*connect_to;	/* HOST:PORT in place of the relay; NULL */
	bool			 has_target;
	struct target		 target;	/* as typed */
	bool			 has_id;	/* TARGET was found */
	struct arc_id		 id;
	int			 port;		/* of the machine; 0: not said */
};

enum check_verdict { CHECK_OK, CHECK_WARNING, CHECK_FAILED, CHECK_SKIPPED,
    CHECK_NOTE };	/* good to know, and no matter of good or bad */

/* What --fix may do about it: nothing that loses anything, and after asking. */
enum check_cure {
	CURE_NONE,
	CURE_MODES,		/* chmod of ssh's files that are too open */
	CURE_CONFIG,		/* arc-relay config install */
	CURE_CACHE,		/* arc-relay cache clear */
	CURE_CERTIFICATE,	/* arc-relay cert ensure */
	CURE_REGISTER,		/* arc-relay register */
	CURE_ENABLE,		/* arc-relay enable TARGET */
	NCURES
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
	void	(*machine)(void *arg, const char *id);	/* TARGET is this one */
	void	*arg;
};
typedef void check_run(const struct check_env *env, const struct check_out *out);

/* For a check: one finding. */
void	 check_ok(const struct check_out *out, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));
void	 check_noted(const struct check_out *out, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));
void	 check_skipped(const struct check_out *out, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));
void	 check_warned(const struct check_out *out, const struct err *e,
	    enum check_cure cure);
void	 check_failed(const struct check_out *out, const struct err *e,
	    enum check_cure cure);

/*
 * The checks stand in a table in the order in which they are told: a cause comes
 * before what follows from it.
 */
#define CHECK_NAMES	7

struct check {
	const char	*phase;		/* "local", "network", "login", "azure", "relay" */
	const char	*name;		/* "clock", "login-host": there is one of that name */
	int		 limit_s;	/* longest it may take */
	bool		 of_target;	/* only when there is a TARGET */
	check_run	*run;
	const char	*needs[CHECK_NAMES];	/* it begins after these, unless one failed */
	const char	*after[CHECK_NAMES];	/* what fails here with the id of these is theirs */
};

/* --- running them, check.c --- */

struct checks {
	const struct check	*table;
	size_t			 n;
	bool			 has_target;
	const bool		*only;	/* for each: is it wanted?  NULL: all are */
	/* Called in a new process: has check_out_to(fd) told by c, and does not return. */
	void	(*become)(void *arg, const struct check *c, int fd);
	/* In the order of the table, as soon as all before it have ended. */
	void	(*found)(void *arg, const struct check *c,
		    const struct finding *f, long ms);
	void	(*machine)(void *arg, const char *id);
	/* Now and then, when it takes long; NULL: nobody waits. */
	void	(*waiting)(void *arg, const char *names, long ms);
	void	*arg;
};

/* Returns 0 when all were told; or -1 with EX_OSERR. */
int	 checks_run(const struct checks *c, struct err *e);

/* What is told to out goes to fd, for the process that runs the checks. */
void	 check_out_to(int *fd, struct check_out *out);

/* A line of that, told to out; nothing is, if it is no such line. */
void	 check_out_read(const char *line, size_t len,
	    const struct check_out *out);

/* check_local.c: what is on this computer */
check_run check_ssh_version, check_ssh_files, check_config, check_clock,
    check_cache, check_keys, check_sandbox, check_last_error;

/* check_network.c: ways to Azure: names, route, proxy, TLS with issuer and version */
check_run check_login_host, check_arm_host, check_relay_host;

/* check_azure.c: who we are there, and what of the machine is set up */
check_run check_login, check_provider, check_target, check_machine,
    check_index, check_endpoint, check_service, check_permissions;

/* check_relay.c: a dial, to the banner of the machine's SSH server */
check_run check_dial;

#endif
