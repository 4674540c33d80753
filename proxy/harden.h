/*
 * A process that holds secrets and was started by somebody else's environment.
 */
#ifndef PROXY_HARDEN_H
#define PROXY_HARDEN_H

/*
 * First thing in main: closes descriptors that were left open to us, makes new
 * files private, forgets variables that would let a library write secrets to a
 * file or load foreign code.  Cannot fail: what the system does not offer is
 * left out.
 */
void	 harden_process(void);

/*
 * No core dump, no ptrace by others of the same user.  Afterwards /proc/self is
 * root's: whoever needs it must have looked before.
 */
void	 harden_memory(void);

#endif
