/*
 * Asking for a selection of machines, see cmd_machines.h.
 */
#include <stdint.h>
#include <stdio.h>
#include <strings.h>
#include <unistd.h>

#include "auth/graph.h"
#include "auth/machines.h"
#include "auth/selection.h"
#include "auth/target.h"
#include "proxy/cmd_machines.h"
#include "relay/clock.h"
#include "relay/err.h"

#define PATIENCE_MS	2000	/* of a person, before he wants to be told */

struct wait {
	int64_t	 start_ms;
	int	 told;		/* columns of the line that is shown */
};

static void
progress(void *arg, size_t n, size_t total)
{
	struct wait *w = arg;

	if (clock_ms() - w->start_ms < PATIENCE_MS)
		return;
	w->told = fprintf(stderr, "\r%zu of %zu machines", n, total) - 1;
	(void)fflush(stderr);
}

/* Errors and results begin at the left again. */
static void
stop(const struct wait *w)
{
	if (w->told > 0)
		(void)fprintf(stderr, "\r%*s\r", w->told, "");
}

int
cmd_machines(const struct options *o, int nargs, const struct cloud *c,
    struct machines *out, struct err *e)
{
	const char *tags[OPTIONS_MANY];
	const struct selection s = {
		.names = (const char *const *)o->rest + nargs,
		.nnames = (size_t)(o->nrest - nargs),
		.group = o->value[CMD_GROUP],
		.subscription = o->value[CMD_SUBSCRIPTION],
		.tags = tags, .ntags = options_all(o, CMD_TAG, tags),
		.status = o->value[CMD_STATUS], .query = o->value[CMD_QUERY],
	};
	struct wait w = { .start_ms = clock_ms() };
	const struct graph_request r = {
		.cloud = c, .credential = o->value[CMD_CREDENTIAL],
		.selection = &s, .arg = &w,
		.progress = isatty(STDERR_FILENO) ? progress : NULL,
	};
	int rc = graph_machines(&r, out, e);

	stop(&w);
	return (rc);
}

static bool
is_there(const struct machines *l, const char *name)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		if (strcasecmp(l->at[i].name, name) == 0)
			return (true);
	return (false);
}

int
cmd_machines_found(const struct options *o, int nargs,
    const struct machines *l, struct err *e)
{
	int i;

	for (i = nargs; i < o->nrest; i++)
		if (!selection_is_glob(o->rest[i]) &&
		    !is_there(l, o->rest[i])) {
			err_set(e, EX_NOHOST, "E201", "there is no machine "
			    "\"%.80s\" among those that you can see",
			    o->rest[i]);
			return (err_fix(e, target_suffix(o->rest[i])[0] !=
			    '\0' ? "here it is NAME alone, without .arc; and "
			    "-g GROUP" : "arc-relay list shows all of them; "
			    "ask for the role \"Reader\" on it"));
		}
	return (0);
}
