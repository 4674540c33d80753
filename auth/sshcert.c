/*
 * OpenSSH certificates, see sshcert.h.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "auth/keys_rsa.h"
#include "auth/sshcert.h"
#include "auth/sshuser.h"
#include "auth/text.h"
#include "relay/err.h"

#define SHOWN	60	/* bytes of a principal in a sentence */

/* A time beyond all our numbers is one that never comes. */
static int64_t
when(uint64_t t)
{
	return (t > INT64_MAX ? INT64_MAX : (int64_t)t);
}

/* A list of strings, packed into one; its first.  Options come in pairs. */
static struct sshspan
read_list(struct sshwire *w, bool pairs)
{
	struct sshspan s = sshwire_string(w), first, next;
	struct sshwire list = sshwire_of(s.at, s.len);
	size_t n;

	first = (struct sshspan){ (const uint8_t *)"", 0 };
	for (n = 0; list.left > 0 && !list.bad; n++) {
		next = sshwire_string(&list);
		if (n == 0)
			first = next;
	}
	if (list.bad || (pairs && n % 2 != 0))
		w->bad = true;
	return (first);
}

int
sshcert_parse(const void *blob, size_t len, struct sshcert *c)
{
	struct sshwire w = sshwire_of(blob, len);

	*c = (struct sshcert){ .type = 0 };
	sshwire_expect(&w, SSHCERT_TYPE);
	(void)sshwire_string(&w);		/* nonce */
	c->e = sshwire_mpint(&w);
	c->n = sshwire_mpint(&w);
	c->serial = sshwire_u64(&w);
	c->type = sshwire_u32(&w);
	c->key_id = sshwire_string(&w);
	c->principal = read_list(&w, false);
	c->valid_after = when(sshwire_u64(&w));
	c->valid_before = when(sshwire_u64(&w));
	(void)read_list(&w, true);		/* critical options */
	(void)read_list(&w, true);		/* extensions */
	(void)sshwire_string(&w);		/* reserved */
	if (sshwire_string(&w).len == 0 ||	/* who signed it */
	    sshwire_string(&w).len == 0 || !sshwire_is_done(&w))
		return (-1);
	return (0);
}

/* It becomes a User of ssh_config, so nothing is made fit. */
static int
take_user(const struct sshcert *c, char user[SSHUSER_MAX + 1], struct err *e)
{
	size_t len = c->principal.len;

	(void)snprintf(user, SSHUSER_MAX + 1, "%.*s", (int)(len < SSHUSER_MAX ?
	    len : SSHUSER_MAX), (const char *)c->principal.at);
	text_lower(user);
	if (len <= SSHUSER_MAX && strlen(user) == len && sshuser_is_plain(user))
		return (0);
	if (len == 0)
		return (err_set(e, EX_PROTOCOL, "E412", "the certificate that "
		    "Entra gave is for nobody: it has no principal"));
	return (err_set(e, EX_PROTOCOL, "E412", "the certificate that Entra "
	    "gave is for \"%.*s\", which cannot be a User of ssh_config",
	    SHOWN, user));
}

int
sshcert_check(const struct sshcert *c, const struct keys_rsa *k,
    char user[SSHUSER_MAX + 1], struct err *e)
{
	if (!sshspan_same(c->n, k->n, k->nlen) ||
	    !sshspan_same(c->e, k->e, k->elen))
		return (err_set(e, EX_PROTOCOL, "E412", "the certificate that "
		    "Entra gave is for another key"));
	if (c->type != SSHCERT_USER)
		return (err_set(e, EX_PROTOCOL, "E412", "the certificate that "
		    "Entra gave is one for hosts, not for users"));
	return (take_user(c, user, e));
}

static const char *
utc(int64_t t, char out[32])
{
	time_t then = (time_t)t;
	struct tm tm;

	if (gmtime_r(&then, &tm) == NULL ||
	    strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		(void)snprintf(out, 32, "%lld", (long long)t);
	return (out);
}

int
sshcert_check_dates(const struct sshcert *c, int64_t now, struct err *e)
{
	char after[32], before[32], ours[32];

	if (now < c->valid_before && c->valid_after - SSHCERT_SKEW_S <= now)
		return (0);
	err_set(e, EX_CONFIG, "E111", "the certificate that Entra just made is "
	    "good from %s to %s, and our clock says %s",
	    utc(c->valid_after, after), utc(c->valid_before, before),
	    utc(now, ours));
	return (err_fix(e, "set the clock: sudo timedatectl set-ntp true"));
}

int64_t
sshcert_due(const struct sshcert *c)
{
	if (c->valid_before <= c->valid_after)
		return (c->valid_after);
	return (c->valid_before - (c->valid_before - c->valid_after) / 5);
}
