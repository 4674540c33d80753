/*
 * SSH of an Arc machine set up and taken down: its relay endpoint, the service
 * configuration of SSH below that, and the resource provider of both
 * (arc-relay-protocol(7), SETTING UP).
 *
 * Writes are waited for.  What is there is never written again unless the caller
 * does: it may cost the agent its listener.
 */
#ifndef AUTH_ARC_ENDPOINT_H
#define AUTH_ARC_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arc_id;
struct bearer;
struct err;

#define ARC_PROVIDER	"Microsoft.HybridConnectivity"

struct arc_endpoint {
	struct bearer		*bearer;
	const struct arc_id	*id;		/* of the machine */
	int64_t			 deadline_ms;	/* of clock_ms(), for what takes long */
};

/* What a machine says of itself; "" if it does not say it. */
struct arc_state {
	char	status[40];	/* "Connected", "Disconnected", .. */
	char	since[40];	/* of that status, RFC 3339 */
	char	agent[40];	/* version */
	char	os[20];		/* "linux", "windows" */
};

/*
 * All of these return 0; or -1 with E201 no machine, or an error of bearer_call,
 * arm_call or arm_wait.  Of a machine that is no Arc server nothing is known.
 * Those that write return 1, with an error, when Azure refuses because something is
 * not there, or not as it was: somebody else changes it, too, and it may be worth
 * a look.
 */
int	 arc_state_get(const struct arc_endpoint *a, struct arc_state *s,
	    struct err *e);

/* port: 0 when SSH has no service configuration, or one that is not whole. */
int	 arc_endpoint_get(const struct arc_endpoint *a, bool *is_there,
	    struct err *e);
int	 arc_endpoint_put(const struct arc_endpoint *a, struct err *e);
int	 arc_endpoint_delete(const struct arc_endpoint *a, struct err *e);
int	 arc_service_get(const struct arc_endpoint *a, int *port, struct err *e);
int	 arc_service_put(const struct arc_endpoint *a, int port, struct err *e);
int	 arc_service_delete(const struct arc_endpoint *a, struct err *e);

/*
 * What keeps ssh away although Azure is set up: E204 the agent does not report;
 * E205 it is too old.  Each returns 0, or -1 with that.
 */
int	 arc_state_reports(const struct arc_id *id, const struct arc_state *s,
	    struct err *e);
int	 arc_state_is_new(const struct arc_id *id, const struct arc_state *s,
	    struct err *e);

/* Is the version of an agent below major.minor?  Not if it is no version. */
bool	 arc_agent_is_below(const char *version, long major, long minor);

/*
 * The commands of the Azure CLI that write the endpoint (port 0) or the service
 * configuration, for a POSIX shell.  Each returns out.
 */
#define ARC_COMMAND_MAX	4096	/* bytes; an id may triple by %XX */
const char *arc_put_command(const struct arc_id *id, int port,
	    char out[ARC_COMMAND_MAX]);

/*
 * The state of ARC_PROVIDER in a subscription (GUID), "Registered"; to_register:
 * asks Azure to register it, which takes minutes.
 * Returns 0; or -1 with an error of bearer_call or arm_call, or E412.
 */
#define ARC_STATE_MAX	40
int	 arc_provider(struct bearer *b, const char *subscription,
	    bool to_register, char state[ARC_STATE_MAX], struct err *e);

/*
 * The GUID of the subscription that is called so, without regard to case, or of
 * the only one for NULL.  Returns 0; or -1 with E206 there is none, EX_USAGE
 * there are several, or an error of bearer_call or arm_list.
 */
int	 arc_subscription(struct bearer *b, const char *name, char guid[37],
	    struct err *e);

#endif
