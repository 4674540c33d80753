/*
 * The diagnostics table: what is seen, what it means, what to do.  Each id is
 * explained at length in arc-relay-errors(7).
 */
#ifndef PROXY_DIAG_H
#define PROXY_DIAG_H

struct err;
struct wire_answer;

/* What the sentences speak of. */
struct diag_names {
	const char	*machine;	/* "web01"; or "the machine" */
	int		 port;		/* of the machine */
};

/*
 * The relay's answer to the upgrade, which was not a good 101.  Always fills *e
 * and returns -1.
 */
int	 diag_refusal(const struct wire_answer *a, const struct diag_names *names,
	    struct err *e);

/* The relay did not answer the upgrade within wait_s seconds. */
int	 diag_no_answer(int wait_s, struct err *e);

/* The session was opened and ended before the server said a word. */
int	 diag_no_banner(const struct diag_names *names, struct err *e);

/* The session was opened, and the server says nothing, or what is not SSH. */
int	 diag_silent(const struct diag_names *names, int wait_s, struct err *e);
int	 diag_no_ssh(const struct diag_names *names, const char *first,
	    struct err *e);

#endif
