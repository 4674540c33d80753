/*
 * Who is logged in, see account.h.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "auth/account.h"
#include "auth/cloud.h"
#include "auth/folder.h"
#include "auth/json.h"
#include "relay/err.h"
#include "relay/log.h"

#define FILE_NAME	"account.json"
#define LOCK_NAME	"login"
#define LOCK_WAIT_MS	8000	/* then its holder is stuck */

static const char *const slots[] = { "login.0", "login.1" };

/* The members of account.json that are strings, and where they go. */
static const struct member {
	const char	*name;
	size_t		 at;
	size_t		 size;
	bool		 needed;
} members[] = {
#define MEMBER(m, needed) \
	{ #m, offsetof(struct account, m), sizeof(((struct account *)0)->m), needed }
	MEMBER(kind, true),
	MEMBER(name, true),
	MEMBER(tenant, true),
	MEMBER(client, true),
	MEMBER(cloud, true),
	MEMBER(authority, true),
	MEMBER(certificate, false),
#undef MEMBER
};

#define NMEMBERS	(sizeof(members) / sizeof(members[0]))

static int
open_state(struct folder *f, struct err *e)
{
	if (folder_open_state(f) == 0)
		return (0);
	err_set(e, EX_CANTCREAT, "", "the login cannot be kept: %.200s", f->why);
	return (err_fix(e, "give the folder to yourself with mode 0700, or "
	    "set XDG_STATE_HOME to another one"));
}

static int
cannot_write(const char *name, struct err *e)
{
	err_sys(e, EX_CANTCREAT, "", "cannot write %s of the login", name);
	return (err_fix(e, "free the disk, or set XDG_STATE_HOME to a folder "
	    "that can be written"));
}

static int
parse(const struct secret *text, struct account *a)
{
	char why[JS_WHY_MAX];
	struct js *j = js_parse(text->data, text->len, why);
	int64_t slot = 0;
	int rc = j != NULL ? 0 : -1;
	size_t i;

	for (i = 0; rc == 0 && i < NMEMBERS; i++) {
		const char *s = js_string(j, members[i].name);

		if (s == NULL || *s == '\0')
			rc = members[i].needed ? -1 : 0;
		else if (strlen(s) >= members[i].size)
			rc = -1;
		else
			memcpy((char *)a + members[i].at, s, strlen(s) + 1);
	}
	if (rc == 0 && ((strcmp(a->kind, ACCOUNT_USER) != 0 &&
	    strcmp(a->kind, ACCOUNT_PRINCIPAL) != 0) ||
	    js_integer(j, "slot", &slot) == -1 || slot < 0 || slot > 1))
		rc = -1;
	a->slot = (int)slot;
	js_free(j);
	return (rc);
}

static int
format(const struct account *a, int slot, struct secret *out)
{
	struct js *j = js_object();
	int rc = j != NULL ? js_set_integer(j, "slot", slot) : -1;
	size_t i;

	for (i = 0; rc == 0 && i < NMEMBERS; i++) {
		const char *s = (const char *)a + members[i].at;

		if (*s != '\0')
			rc = js_set_string(j, members[i].name, s);
	}
	if (rc == 0)
		rc = js_dump(j, out);
	js_free(j);
	return (rc);
}

static int
load(const struct folder *f, struct account *a)
{
	struct secret text = SECRET_INIT;
	int rc;

	*a = (struct account){ .slot = 0 };
	if (folder_read(f, FILE_NAME, FOLDER_FILE_MAX, &text) == -1)
		return (-1);
	if ((rc = parse(&text, a)) == -1) {
		log_verbose(FILE_NAME " of the login is damaged: left aside");
		*a = (struct account){ .slot = 0 };
	}
	secret_free(&text);
	return (rc);
}

int
account_load(struct account *a)
{
	struct folder f;
	int rc;

	*a = (struct account){ .slot = 0 };
	if (folder_open_state(&f) == -1) {
		log_verbose("no login is read: %s", f.why);
		return (-1);
	}
	rc = load(&f, a);
	folder_close(&f);
	return (rc);
}

bool
account_is_of(const struct account *a, const struct cloud *c)
{
	return (strcmp(a->cloud, c->name) == 0 &&
	    strcmp(a->authority, c->authority) == 0);
}

int
account_secret(const struct account *a, struct secret *out, struct err *e)
{
	struct folder f;
	int rc = -1;

	if (open_state(&f, e) == 0) {
		rc = folder_read(&f, slots[a->slot], FOLDER_FILE_MAX, out);
		folder_close(&f);
	}
	if (rc == 0)
		return (0);
	err_set(e, EX_NOUSER, "E301", "the secret of the login of %.80s is "
	    "gone", a->name);
	return (err_fix(e, "arc-relay login"));
}

static int
save(const struct folder *f, const struct account *a,
    const struct secret *secret, struct err *e)
{
	struct account former;
	int slot = load(f, &former) == 0 ? !former.slot : 0;
	struct secret text = SECRET_INIT;
	int rc = -1;

	if (format(a, slot, &text) == -1)
		err_set(e, EX_OSERR, "", "out of memory");
	else if (secret->len > 0 && folder_write(f, slots[slot],
	    FOLDER_FILE_MAX, secret) == -1)
		cannot_write(slots[slot], e);
	else if (folder_write(f, FILE_NAME, FOLDER_FILE_MAX, &text) == -1) {
		cannot_write(FILE_NAME, e);
		(void)folder_drop(f, slots[slot]);
	} else {
		rc = 0;
		if (secret->len == 0)
			(void)folder_drop(f, slots[slot]);
		if (folder_drop(f, slots[!slot]) == -1)
			log_verbose("cannot remove the former secret %s: %s",
			    slots[!slot], strerror(errno));
	}
	secret_free(&text);
	return (rc);
}

int
account_can_save(struct err *e)
{
	struct folder f;

	if (open_state(&f, e) == -1)
		return (-1);
	folder_close(&f);
	return (0);
}

int
account_save(const struct account *a, const struct secret *secret,
    struct err *e)
{
	struct folder f;
	int lock, rc;

	if (open_state(&f, e) == -1)
		return (-1);
	lock = folder_lock(&f, LOCK_NAME, LOCK_WAIT_MS);
	rc = save(&f, a, secret, e);
	folder_unlock(lock);
	folder_close(&f);
	return (rc);
}

int
account_forget(struct err *e)
{
	struct account a;
	struct folder f;
	int lock, rc;
	size_t i;

	if (open_state(&f, e) == -1)
		return (-1);
	lock = folder_lock(&f, LOCK_NAME, LOCK_WAIT_MS);
	rc = load(&f, &a) == 0;
	/* the damaged and the left-over ones too */
	if (folder_drop(&f, FILE_NAME) == -1)
		rc = cannot_write(FILE_NAME, e);
	for (i = 0; i < 2; i++)
		if (folder_drop(&f, slots[i]) == -1 && rc != -1)
			rc = cannot_write(slots[i], e);
	folder_unlock(lock);
	folder_close(&f);
	return (rc);
}

int
account_lock(int wait_ms)
{
	struct folder f;
	int lock;

	if (folder_open_state(&f) == -1)
		return (-1);
	lock = folder_lock(&f, LOCK_NAME, wait_ms);
	folder_close(&f);
	return (lock);
}

void
account_unlock(int lock)
{
	folder_unlock(lock);
}

static bool
same(const struct account *a, const struct account *b)
{
	size_t i;

	for (i = 0; i < NMEMBERS; i++)
		if (strcmp((const char *)a + members[i].at,
		    (const char *)b + members[i].at) != 0)
			return (false);
	return (a->slot == b->slot);
}

int
account_renew(const struct account *a, const struct secret *secret,
    struct err *e)
{
	struct account now;
	struct folder f;
	int rc = 0;

	if (open_state(&f, e) == -1)
		return (-1);
	/* whoever has logged out or in meanwhile wants this one no more */
	if (load(&f, &now) == 0 && same(&now, a) &&
	    folder_write(&f, slots[a->slot], FOLDER_FILE_MAX, secret) == -1)
		rc = cannot_write(slots[a->slot], e);
	folder_close(&f);
	return (rc);
}
