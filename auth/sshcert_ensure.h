/*
 * An SSH certificate of Entra's that is good now: the one that is there, or a new
 * one, got by one process for all.
 */
#ifndef AUTH_SSHCERT_ENSURE_H
#define AUTH_SSHCERT_ENSURE_H

#include <stdbool.h>

#include "auth/sshcert_files.h"

struct cloud;
struct err;

struct sshcert_request {
	const struct cloud	*cloud;
	const char		*credential;	/* as in struct token_request */
	const char		*tenant;
	const char		*file;		/* of the key; NULL: ours */
};

struct sshcert_got {
	struct sshcert_files	files;
	struct sshcert_kept	kept;
	bool			renewed;	/* by this process */
};

#define SSHCERT_GOT_INIT	{ .files = { .folder = FOLDER_INIT } }

/*
 * Before 80 % of its life are over the certificate that is there is taken: a few
 * files are read, nothing is written or locked, nobody asked.  Later one process
 * renews it (auth/flight.h), and the others use it meanwhile.  A renewal that
 * fails is no error while it is valid.  One of another identity
 * (auth/identity.h), or for another key, is none.
 * Returns 0; or -1 with an error of sshcert_files_*, token_get, E412 or E111.
 * out is freed by the caller in every case.
 */
int	 sshcert_ensure(const struct sshcert_request *r,
	    struct sshcert_got *out, struct err *e);

void	 sshcert_got_free(struct sshcert_got *g);

#endif
