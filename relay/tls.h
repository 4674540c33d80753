/*
 * Whom we believe and how we speak TLS to the relay: TLS 1.2 at least, group
 * P-384 first because the relay prefers it (another first guess costs a round
 * trip), the certificate checked for the host's name.  The only file that knows
 * which TLS library libwebsockets was built on.
 */
#ifndef RELAY_TLS_H
#define RELAY_TLS_H

#include <stdbool.h>

struct err;
struct lws;
struct lws_context_creation_info;
struct trust;

struct tls {
	void	*context;	/* of the TLS library, handed to libwebsockets */
	void	*gather;	/* of tls_gather; lent by the connection */
	char	 trouble[200];	/* why the peer's certificate was refused; or "" */
	char	 alert[80];	/* of TLS, that ended the handshake; or "" */
};

#define TLS_INIT	{ .context = NULL }

/*
 * Once before anything else of the library, libwebsockets included.  No
 * configuration file is read: it may load foreign code.  The texts of OpenSSL's
 * errors are not made either: nobody would see them; and its tables are left for
 * the system to take away at the exit.
 */
void	 tls_library_init(void);

/*
 * host: the name that the certificate must have.  trust: of trust_find.  t stays
 * where it is until tls_free.
 * Returns 0, or -1 with EX_CONFIG or EX_OSERR.
 */
int	 tls_init(struct tls *t, const char *host, const struct trust *trust,
	    struct err *e);
void	 tls_free(struct tls *t);

/* Tells libwebsockets to use t for client connections. */
void	 tls_offer(struct tls *t, struct lws_context_creation_info *info);

/*
 * Once the handshake is over: several records go out in one write, after
 * tls_flush, and come in in one read.  Lives as long as conn.
 * Returns 0 or -1.
 */
int	 tls_gather(struct tls *t, struct lws *conn);

/* Is there room for one more record before tls_flush must be called? */
bool	 tls_has_room(const struct tls *t);

#define TLS_AGAIN	(-2)	/* poll for writing, then call again */

/* Sends what was gathered.  Returns 0 when all of it is out, TLS_AGAIN or -1. */
int	 tls_flush(struct tls *t);

/*
 * To be called from LWS_CALLBACK_OPENSSL_PERFORM_SERVER_CERT_VERIFICATION with
 * its user argument and len: notes in t->trouble what was wrong, with the
 * issuer's name.  Changes nothing of the verdict.
 */
void	 tls_note_verdict(struct tls *t, void *verification, int was_good);

#endif
