/*
 * Goal: a file of the user's whose group they are not in is replaced all the same, and
 * nobody gets a right to it that they did not have.
 */
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proxy/userfile.h"
#include "relay/err.h"
#include "test/unit/tap.h"

static char top[200], path[250];

/* Replaces it.  Gives its mode then; 0 if that failed. */
static mode_t
replace(void)
{
	struct secret text = SECRET_INIT;
	struct userfile f = USERFILE_INIT;
	struct err e = ERR_INIT;
	struct stat st;
	mode_t mode = 0;

	if (secret_set(&text, "new", 3) == 0 &&
	    userfile_open(&f, path, false, &e) == 0 &&
	    userfile_stage(&f, &text, &f.st, &e) == 0 &&
	    userfile_commit(&f, &e) == 0 && stat(path, &st) == 0 &&
	    st.st_size == 3)
		mode = st.st_mode & 07777;
	userfile_close(&f);
	secret_free(&text);
	return (mode);
}

static void
put(mode_t mode, gid_t group)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd == -1 || fchown(fd, (uid_t)-1, group) == -1 ||
	    fchmod(fd, mode) == -1 || close(fd) == -1)
		abort();
}

/* As user and group 1, in no other group, with a file of group 0. */
static int
in_no_group(mode_t mode)
{
	int status;
	pid_t pid;

	put(mode, 0);
	if (chown(top, 1, 0) == -1 || chown(path, 1, 0) == -1)
		abort();
	if ((pid = fork()) == 0) {
		if (setgroups(0, NULL) == -1 || setgid(1) == -1 ||
		    setuid(1) == -1)
			_exit(255);
		mode = replace();
		_exit((int)mode >> 1);	/* a status has 8 bits */
	}
	if (pid == -1 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		abort();
	if (chown(top, 0, 0) == -1)
		abort();
	return (WEXITSTATUS(status) << 1);
}

int
main(void)
{
	struct stat st;

	/* not TMPDIR, which may be closed to user 1 */
	(void)snprintf(top, sizeof(top), "/tmp/userfile_test.XXXXXX");
	if (mkdtemp(top) == NULL)
		abort();
	(void)snprintf(path, sizeof(path), "%s/file", top);
	put(0640, getegid());
	(void)umask(0777);
	ok(replace() == 0640, "the mode stays, whatever the umask");
	if (geteuid() == 0) {
		put(0640, 1);
		ok(replace() == 0640 && stat(path, &st) == 0 && st.st_gid == 1,
		    "and so does the group");
		ok(in_no_group(0640) == 0600, "ours does not get its rights");
		ok(in_no_group(0664) == 0644, "but those that everybody has");
		ok(in_no_group(0600) == 0600, "if any");
	}
	(void)unlink(path);
	ok(rmdir(top) == 0, "nothing is left");
	return (done_testing());
}
