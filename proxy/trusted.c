/*
 * Programs that stay what they are, see trusted.h.
 */
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/trusted.h"
#include "relay/err.h"

static bool
is_ours(const struct stat *st)
{
	return (st->st_uid == geteuid() || st->st_uid == 0);
}

/* Who is not known may be anybody. */
static bool
is_other(const struct passwd *user)
{
	return (user == NULL || (user->pw_uid != 0 &&
	    user->pw_uid != geteuid()));
}

/*
 * Is everybody in it?  A directory service may list neither the members of such a
 * group nor all users; a group of one's own has one's own name.
 */
static bool
is_everybodys(const struct group *group)
{
	const struct passwd *me = getpwuid(geteuid());

	return (me == NULL || (me->pw_gid == group->gr_gid &&
	    strcmp(me->pw_name, group->gr_name) != 0));
}

/*
 * Is there anybody in the group but us and root?  Not in a group of one's own, and
 * seldom in Debian's "staff", which has /usr/local.
 */
static bool
has_others(gid_t gid)
{
	const struct group *group = getgrgid(gid);
	const struct passwd *user;
	bool found = group == NULL || is_everybodys(group);
	size_t i;

	for (i = 0; !found && group->gr_mem[i] != NULL; i++)
		found = is_other(getpwnam(group->gr_mem[i]));
	setpwent();
	while (!found && (user = getpwent()) != NULL)
		found = user->pw_gid == gid && is_other(user);
	endpwent();
	return (found);
}

static bool
is_open(const struct stat *st)
{
	if (S_ISDIR(st->st_mode) && (st->st_mode & S_ISVTX) != 0)
		return (false);
	return ((st->st_mode & S_IWOTH) != 0 ||
	    ((st->st_mode & S_IWGRP) != 0 && has_others(st->st_gid)));
}

/* The file and each folder above it. */
static int
check_path(const char *path, struct err *e)
{
	char part[PATH_MAX];
	struct stat st;
	char *slash;

	(void)snprintf(part, sizeof(part), "%s", path);
	for (;;) {
		if (stat(part, &st) == -1)
			return (err_sys(e, EX_CONFIG, "E102", "cannot look at "
			    "%s", part));
		if (!is_ours(&st) || is_open(&st)) {
			err_set(e, EX_NOPERM, "", "ssh would run %.100s, where "
			    "others can put a program of theirs: %.100s", path,
			    part);
			return (is_ours(&st) ?
			    err_fix(e, "chmod go-w %s", part) :
			    err_fix(e, "install it where only root writes: "
			    "sudo make install"));
		}
		if (part[1] == '\0')
			return (0);
		slash = strrchr(part, '/');
		slash[slash == part] = '\0';
	}
}

int
trusted_program(const char *path, struct err *e)
{
	char real[PATH_MAX];
	struct stat st;

	if (stat(path, &st) == -1 || !S_ISREG(st.st_mode) ||
	    access(path, X_OK) == -1 || realpath(path, real) == NULL) {
		err_set(e, EX_CONFIG, "E102", "there is no program %s", path);
		return (err_fix(e, "install arc-relay and arc-relay-proxy in "
		    "one folder: sudo make install"));
	}
	return (check_path(path, e) == -1 || check_path(real, e) == -1 ?
	    -1 : 0);
}
