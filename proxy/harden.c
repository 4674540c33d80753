/*
 * Process hygiene, see harden.h.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "proxy/harden.h"

void
harden_process(void)
{
	static const char *const unwanted[] = {
		"SSLKEYLOGFILE",	/* libcurl writes TLS secrets there */
		"OPENSSL_CONF",		/* may load engines: foreign code */
		"OPENSSL_MODULES",
		"OPENSSL_ENGINES",
		"socks_proxy",		/* some libwebsockets believe it */
	};
	size_t i;

	for (i = 0; i < sizeof(unwanted) / sizeof(unwanted[0]); i++)
		(void)unsetenv(unwanted[i]);
#ifdef SYS_close_range
	(void)syscall(SYS_close_range, 3U, ~0U, 0U);
#endif
	(void)umask(077);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGCHLD, SIG_DFL);	/* ignored, as some parents leave it:
					 * nobody can wait for a child */
}

void
harden_memory(void)
{
	const struct rlimit none = { 0, 0 };

	(void)setrlimit(RLIMIT_CORE, &none);
#ifdef PR_SET_DUMPABLE
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}
