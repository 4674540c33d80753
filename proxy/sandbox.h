/*
 * What a session that is up cannot do any more, whatever bytes come: open files,
 * run programs, connect, signal or trace others.  Landlock and seccomp, where the
 * kernel has them.
 */
#ifndef PROXY_SANDBOX_H
#define PROXY_SANDBOX_H

#include <stdbool.h>

#define SANDBOX_TEXT	128	/* bytes */

/*
 * For good, and for all threads.  folder: open on the only one in which files can
 * be made and replaced afterwards; or -1.  what: what holds now, or why it does
 * not, for people.
 *
 * Returns true when all of it holds.  What the kernel does not have is no error,
 * and there is none of it in a build with sanitizers or with LD_PRELOAD: whose
 * code that is, and what it needs, nobody knows.
 */
bool	 sandbox_enter(int folder, char what[SANDBOX_TEXT]);

#endif
