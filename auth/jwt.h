/*
 * What a JSON Web Token (RFC 7519) says of itself.  Nobody has checked its
 * signature here: claims are shown to people and decide nothing.
 */
#ifndef AUTH_JWT_H
#define AUTH_JWT_H

#include <stddef.h>

struct js;

/*
 * The claims of a token of len bytes: three parts of base64url between dots, the
 * second of them a JSON object.  Gives them (js_free), or NULL: it is none, as
 * access tokens may be, or has more than 64 KiB.
 */
struct js *jwt_claims(const char *token, size_t len);

/*
 * Whom a token speaks for and of which tenant: the user's name or else the
 * application's id, and the tenant's GUID.  Only what is empty is filled in, and
 * what is not printable ASCII becomes '?'.
 */
void	 jwt_who(const char *token, size_t len, char *account, size_t size,
	    char *tenant, size_t tenant_size);

#endif
