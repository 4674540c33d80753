/*
 * TLS settings, see tls.h.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libwebsockets.h>

#include "relay/err.h"
#include "relay/tls.h"
#include "relay/trust.h"

#if !defined(LWS_WITH_MBEDTLS)

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#define GROUPS	"P-384:P-256:X25519"

/* A record of AES-GCM, TLS 1.3: all but the last of a larger piece are so long. */
#define RECORD		(5 + 16 * 1024 + 1 + 16)
#define GATHERED	(4 * RECORD)	/* a whole frame of ours */
#define READ_AT_ONCE	(128 * 1024)

/* What cannot be read is told before: trust_find has looked at it. */
static int
load_trust(SSL_CTX *ctx, const struct trust *trust, struct err *e)
{
	const char *const files[] = { trust->only, trust->also, trust->bundle };
	size_t i;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (files[i][0] != '\0' &&
		    SSL_CTX_load_verify_file(ctx, files[i]) != 1) {
			err_set(e, EX_CONFIG, "E605", "cannot read a "
			    "certificate from %s", files[i]);
			return (err_fix(e, "name a PEM file of trusted "
			    "certificates"));
		}
	if (trust->dir[0] != '\0' &&
	    SSL_CTX_load_verify_dir(ctx, trust->dir) != 1)
		return (err_set(e, EX_OSERR, "", "cannot set up TLS"));
	return (0);
}

void
tls_library_init(void)
{
	(void)OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG |
	    OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS |
	    OPENSSL_INIT_NO_LOAD_SSL_STRINGS | OPENSSL_INIT_NO_ATEXIT, NULL);
}

/* The alert that ends a handshake, ours or the peer's, says why best. */
static void
on_info(const SSL *ssl, int where, int what)
{
	struct tls *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	if ((where & SSL_CB_ALERT) != 0 && what >> 8 == SSL3_AL_FATAL)
		(void)snprintf(t->alert, sizeof(t->alert), "%s: %s",
		    (where & SSL_CB_READ) != 0 ? "it says" : "we say",
		    SSL_alert_desc_string_long(what));
}

int
tls_init(struct tls *t, const char *host, const struct trust *trust,
    struct err *e)
{
	SSL_CTX *ctx;

	*t = (struct tls)TLS_INIT;
	if ((ctx = SSL_CTX_new(TLS_client_method())) == NULL)
		return (err_set(e, EX_OSERR, "", "cannot set up TLS"));
	t->context = ctx;
	(void)SSL_CTX_set_app_data(ctx, t);
	SSL_CTX_set_info_callback(ctx, on_info);
	(void)SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	(void)SSL_CTX_set_cipher_list(ctx,
	    "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL");	/* of TLS 1.2 */
	(void)SSL_CTX_set1_groups_list(ctx, GROUPS);
	(void)SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION |
	    SSL_OP_NO_COMPRESSION);

	/* one record a write: never wait for room for all of a buffer */
	(void)SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
	    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);

	/* header and body of a record in one read; after the handshake see
	 * tls_gather */
	SSL_CTX_set_read_ahead(ctx, 1);

	/*
	 * libwebsockets sets both again for each connection; a build of it that
	 * forgets must not turn verification off.
	 */
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	if (X509_VERIFY_PARAM_set1_host(SSL_CTX_get0_param(ctx), host, 0) != 1)
		return (err_set(e, EX_OSERR, "", "cannot set up TLS"));

	return (load_trust(ctx, trust, e));
}

void
tls_free(struct tls *t)
{
	SSL_CTX_free(t->context);
	t->context = NULL;
}

void
tls_offer(struct tls *t, struct lws_context_creation_info *info)
{
	info->provided_client_ssl_ctx = t->context;
}

/*
 * OpenSSL itself writes record by record.  It can read ahead, but then moves all
 * that is left to the front of its buffer for every record.
 */
int
tls_gather(struct tls *t, struct lws *conn)
{
	SSL *ssl = lws_get_ssl(conn);
	BIO *gather = BIO_new(BIO_f_buffer()), *socket = SSL_get_wbio(ssl);

	if (gather == NULL || socket != SSL_get_rbio(ssl) ||
	    BIO_set_read_buffer_size(gather, READ_AT_ONCE) != 1 ||
	    BIO_set_write_buffer_size(gather, GATHERED) != 1 ||
	    BIO_up_ref(socket) != 1) {
		BIO_free(gather);
		return (-1);
	}
	(void)BIO_push(gather, socket);
	SSL_set_bio(ssl, gather, gather);
	SSL_set_read_ahead(ssl, 0);
	t->gather = gather;
	return (0);
}

bool
tls_has_room(const struct tls *t)
{
	return (t->gather == NULL ||
	    BIO_wpending((BIO *)t->gather) <= GATHERED - RECORD);
}

int
tls_flush(struct tls *t)
{
	if (t->gather == NULL || BIO_flush((BIO *)t->gather) > 0)
		return (0);
	return (BIO_should_retry((BIO *)t->gather) ? TLS_AGAIN : -1);
}

static void
name_text(X509_NAME *name, char *out, size_t size)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int n = 0;

	if (bio != NULL && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 &
	    ~ASN1_STRFLGS_ESC_MSB) >= 0)
		n = BIO_read(bio, out, (int)size - 1);
	out[n > 0 ? n : 0] = '\0';
	BIO_free(bio);
}

static void
time_text(const ASN1_TIME *when, char *out, size_t size)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(when, &tm) != 1 ||
	    strftime(out, size, "%Y-%m-%d", &tm) == 0)
		(void)snprintf(out, size, "an unknown date");
}

/* The first name that the certificate was made for. */
static void
subject_text(X509 *cert, char *out, size_t size)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name,
	    NULL, NULL);
	int i;

	out[0] = '\0';
	for (i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type == GEN_DNS) {
			(void)snprintf(out, size, "%.*s",
			    ASN1_STRING_length(name->d.dNSName),
			    ASN1_STRING_get0_data(name->d.dNSName));
			break;
		}
	}
	GENERAL_NAMES_free(names);
	if (out[0] == '\0')
		name_text(X509_get_subject_name(cert), out, size);
}

void
tls_note_verdict(struct tls *t, void *verification, int was_good)
{
	X509_STORE_CTX *v = verification;
	X509 *cert = X509_STORE_CTX_get_current_cert(v);
	char issuer[80] = "", text[64];
	int error = X509_STORE_CTX_get_error(v);

	if (was_good || t->trouble[0] != '\0')
		return;
	if (cert != NULL)
		name_text(X509_get_issuer_name(cert), issuer, sizeof(issuer));
	switch (cert != NULL ? error : X509_V_ERR_UNSPECIFIED) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		time_text(X509_get0_notAfter(cert), text, sizeof(text));
		(void)snprintf(t->trouble, sizeof(t->trouble),
		    "expired on %s (issuer %s)", text, issuer);
		break;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		time_text(X509_get0_notBefore(cert), text, sizeof(text));
		(void)snprintf(t->trouble, sizeof(t->trouble),
		    "is valid from %s on: check the clock (issuer %s)", text,
		    issuer);
		break;
	case X509_V_ERR_HOSTNAME_MISMATCH:
		subject_text(cert, text, sizeof(text));
		(void)snprintf(t->trouble, sizeof(t->trouble),
		    "is for %s, not for this host (issuer %s)", text, issuer);
		break;
	default:
		(void)snprintf(t->trouble, sizeof(t->trouble),
		    "is signed by %s: %s", issuer,
		    X509_verify_cert_error_string(error));
	}
}

#else	/* libwebsockets on mbedTLS: it makes its own context from one file */

void
tls_library_init(void)
{
}

#define SYSTEM_BUNDLE	"/etc/ssl/certs/ca-certificates.crt"

int
tls_init(struct tls *t, const char *host, const struct trust *trust,
    struct err *e)
{
	const char *file = trust->only[0] != '\0' ? trust->only :
	    trust->also[0] != '\0' ? trust->also : trust->bundle;

	(void)host;	/* it takes the one that it connects to */
	*t = (struct tls)TLS_INIT;
	if (file[0] == '\0')
		file = SYSTEM_BUNDLE;	/* it reads no folder */
	if (access(file, R_OK) == -1) {
		err_set(e, EX_CONFIG, "E605", "cannot read a certificate "
		    "from %s", file);
		return (err_fix(e, "name a PEM file of trusted certificates "
		    "with --ca-file FILE"));
	}
	if ((t->context = strdup(file)) == NULL)
		return (err_set(e, EX_OSERR, "", "cannot set up TLS"));
	return (0);
}

void
tls_free(struct tls *t)
{
	free(t->context);
	t->context = NULL;
}

void
tls_offer(struct tls *t, struct lws_context_creation_info *info)
{
	info->client_ssl_ca_filepath = t->context;
}

int
tls_gather(struct tls *t, struct lws *conn)
{
	(void)t;
	(void)conn;
	return (0);
}

bool
tls_has_room(const struct tls *t)
{
	(void)t;
	return (true);
}

int
tls_flush(struct tls *t)
{
	(void)t;
	return (0);
}

void
tls_note_verdict(struct tls *t, void *verification, int was_good)
{
	(void)verification;
	if (!was_good && t->trouble[0] == '\0')
		(void)snprintf(t->trouble, sizeof(t->trouble),
		    "was refused");
}

#endif
