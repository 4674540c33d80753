/*
 * Environment variables that name an identity, and those that are its secret.
 *
 * arc-relay takes the secrets out of its environment when it starts.  What
 * /proc/PID/environ shows holds none then, and no child inherits one but
 * arc-relay itself (env_whole).
 * arc-relay-proxy must not: the arc-relay that it starts has need of them.
 */
#ifndef AUTH_ENV_H
#define AUTH_ENV_H

#include <stdbool.h>

/* The value of a variable; NULL when it is not set or empty.  Lends it. */
const char *env_get(const char *name);

/* Is "NAME=value" a secret that is meant for us, and for no program we start? */
bool	 env_is_private(const char *assignment);

/*
 * Moves all that is private from the environment to where only env_get finds
 * it, and wipes it when the program ends.  For main, before there are threads; a
 * second call does nothing.
 * Returns 0; or -1 when there is no memory, and what was not moved is wiped.
 */
int	 env_take_secrets(void);

/*
 * The environment with all that was taken out of it, for a program of ours that
 * takes it out again.  Gives it; NULL if there is no memory.
 */
char	**env_whole(void);
void	 env_whole_free(char **env);

/*
 * Wipes all that is private, taken or still in the environment: for a process
 * that needs none any more.
 */
void	 env_forget_secrets(void);

#endif
