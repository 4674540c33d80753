/*
 * How two texts differ, see textdiff.h.
 */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "auth/child.h"
#include "auth/text.h"
#include "proxy/textdiff.h"
#include "relay/err.h"
#include "relay/secret.h"

#define DIFF_MS		60000
#define DIFF_MAX	(256u * 1024 * 1024)	/* bytes */

/* A descriptor that another program can read as /dev/fd/N. */
static int
as_file(const struct secret *text)
{
	int fd = memfd_create("text", 0);

	if (fd != -1 && text_write_all(fd, text->data, text->len) == -1) {
		(void)close(fd);
		return (-1);
	}
	return (fd);
}

static int
run_diff(const char *const argv[], struct err *e)
{
	struct secret out = SECRET_INIT, said = SECRET_INIT;
	int status = 0, rc = -1;
	enum child_result result = child_run(argv, DIFF_MS, DIFF_MAX, &out,
	    &said, &status);

	if (result == CHILD_ABSENT) {
		err_set(e, EX_UNAVAILABLE, "", "there is no diff on PATH");
		err_fix(e, "sudo apt install diffutils, or use --dry-run");
	} else if (result != CHILD_ENDED || status > 1)
		err_set(e, EX_OSERR, "", "diff failed: %.200s",
		    said.data != NULL ? said.data : "");
	else if (out.len > 0 && fwrite(out.data, 1, out.len, stdout) != out.len)
		err_sys(e, EX_IOERR, "", "cannot write to stdout");
	else
		rc = 0;
	secret_free(&out);
	secret_free(&said);
	return (rc);
}

int
textdiff_print(const char *path, const struct secret *before,
    const struct secret *after, struct err *e)
{
	static const struct secret nothing = SECRET_INIT;
	int a = as_file(before != NULL ? before : &nothing);
	int b = as_file(after != NULL ? after : &nothing), rc;
	char old[32], new[32];
	const char *argv[] = { "diff", "-u",
	    "--label", before != NULL ? path : "/dev/null",
	    "--label", after != NULL ? path : "/dev/null", old, new, NULL };

	(void)snprintf(old, sizeof(old), "/dev/fd/%d", a);
	(void)snprintf(new, sizeof(new), "/dev/fd/%d", b);
	rc = a != -1 && b != -1 ? run_diff(argv, e) :
	    err_sys(e, EX_OSERR, "", "cannot compare %s", path);
	if (a != -1)
		(void)close(a);
	if (b != -1)
		(void)close(b);
	return (rc);
}
