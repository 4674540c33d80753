/*
 * How two texts differ, as diff(1) shows it.
 */
#ifndef PROXY_TEXTDIFF_H
#define PROXY_TEXTDIFF_H

struct err;
struct secret;

/*
 * Prints what diff -u says of the file at path before and after; NULL: it is not
 * there.  Nothing when they are equal.  Returns 0; or -1 with EX_UNAVAILABLE (there is
 * no diff), EX_OSERR or EX_IOERR.
 */
int	 textdiff_print(const char *path, const struct secret *before,
	    const struct secret *after, struct err *e);

#endif
