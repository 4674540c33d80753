/*
 * Asking a person: for a secret, or whether to go on.
 */
#ifndef PROXY_CMD_PROMPT_H
#define PROXY_CMD_PROMPT_H

struct err;
struct secret;

#define PROMPT_MAX	4096	/* bytes of a secret */

/*
 * Reads one line from standard input.  When that is a terminal, what is shown
 * first and nothing that is typed is echoed, also when a signal ends us.
 * Returns 0 with out; or -1 with EX_NOINPUT: nothing came, or too much.
 */
int	 prompt_secret(const char *what, struct secret *out, struct err *e);

/*
 * Asks a question that a "y" or "yes" answers well.  Returns 1 or 0; or -1 with
 * EX_USAGE: standard input is no terminal, and the option --yes is the fix.
 */
int	 prompt_yes(const char *question, struct err *e);

#endif
