/*
 * Where the system keeps the certificates that it trusts.
 */
#ifndef RELAY_TRUST_H
#define RELAY_TRUST_H

/*
 * The system's directory of certificates by hash, as c_rehash(1) makes it; NULL
 * when it has none.  To read the bundle instead costs 25 to 70 ms of CPU at each
 * start; the one certificate that is needed out of the directory costs nothing.
 */
const char *trust_hashed_dir(void);

#endif
