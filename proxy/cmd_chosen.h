/*
 * The machines that a verb goes to: each TARGET as ssh takes it, and with * or ? in a
 * name, or an option of CMD_MACHINES_ROWS, what Azure lists for that.
 */
#ifndef PROXY_CMD_CHOSEN_H
#define PROXY_CMD_CHOSEN_H

#include <stdbool.h>
#include <stddef.h>

struct cloud;
struct err;
struct options;

struct chosen {
	char	*id;		/* resource id, checked */
	char	*name;		/* for people: NAME, or NAME.GROUP where two have it */
	char	*status;	/* "Connected"; "" if Azure was not asked for it */
	bool	 named;		/* by a TARGET of its own, or --status asks for such */
};

struct chosen_list {
	struct chosen	*at;
	size_t		 n;
};

/*
 * As the options and arguments say, each machine once: TARGETs in their order, then
 * the others by name.  Azure is asked once for all of them, if it has to be.
 * out is freed by the caller in every case.  Returns 0; or -1 with EX_USAGE
 * (nothing is chosen), E201 (there is none, or none for a TARGET), or an error of
 * target_resolve or graph_machines.
 */
int	 chosen_find(const struct options *o, const struct cloud *c,
	    struct chosen_list *out, struct err *e);

void	 chosen_free(struct chosen_list *l);

#endif
