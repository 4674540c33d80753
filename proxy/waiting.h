/*
 * The time before a session is open: until when may be waited, and what those
 * who wait are told.
 */
#ifndef PROXY_WAITING_H
#define PROXY_WAITING_H

#include <stdbool.h>
#include <stdint.h>

#include "proxy/sshio.h"

struct err;
struct opts;
#define WAITING_WHAT_MAX	80	/* bytes */

struct waiting {
	int64_t		 began_ms;	/* of clock_ms */
	int64_t		 end_ms;	/* nothing is begun after it; may come closer */

	/* its own */
	struct sshio	*ssh;
	const struct opts *o;
	const char	*machine;	/* lent; or NULL */
	bool		 with_ssh;
	bool		 has_looked;
	int		 ssh_s;		/* ssh's ConnectTimeout, if that ends it; else 0 */
	char		 what[WAITING_WHAT_MAX];
	bool		 is_ssh;	/* that has started us */
	bool		 on_terminal, to_ssh;
	int		 shown;		/* columns of the line on the terminal */
	int64_t		 show_ms, tell_ms;	/* when the next is due */
	int		 told;		/* lines to ssh */
};

/*
 * Begins: until o's deadline, counted from began_ms.
 *	with_ssh	an ssh waits for us: its patience counts, and lines may be
 *			written to it
 */
void	 waiting_begin(struct waiting *w, struct sshio *ssh,
	    const struct opts *o, bool with_ssh, int64_t began_ms);

/*
 * Looks whether ssh's ConnectTimeout is shorter (proxy/sshparent.h): about a second
 * of it is left for the reason.  What counts is said at -v.  It is looked only
 * once: when something takes its time, or before it cannot be (proxy/sandbox.h).
 */
void	 waiting_look(struct waiting *w);

/* From here on it is this that is waited for: "its Arc agent". */
void	 waiting_for(struct waiting *w, const char *what);

/*
 * As sshio_wait, and not beyond the end.  After two seconds it is told what is
 * waited for and how long: on a terminal in one line of stderr that is written
 * again and again; to ssh, which shows it with -v, in a few lines before the
 * server's identification (RFC 4253, section 4.2).
 */
enum sshio_event waiting_wait(struct waiting *w, struct pollfd *other,
	    int64_t wait_ms);

/* Milliseconds until the end; 0: it is over. */
int64_t	 waiting_left_ms(const struct waiting *w);

/*
 * More time could have helped: if it is ssh's that is over, e says so, with what it
 * had as the reason.  Returns -1.
 */
int	 waiting_explain(const struct waiting *w, struct err *e);

/* Nothing is told any more, and the terminal is as before. */
void	 waiting_end(struct waiting *w);

#endif
