/*
 * The last error of arc-relay-proxy, kept in the folder for state: ssh may have
 * shown it to nobody.  One small file of JSON, replaced whole.
 */
#ifndef PROXY_LASTERROR_H
#define PROXY_LASTERROR_H

#include <stdint.h>

#include "relay/err.h"

struct folder;

#define LASTERROR_FILE	"last-error"

struct lasterror {
	int64_t	time;			/* Unix seconds */
	char	target[256];		/* as typed, may be cut; "": none was */
	char	id[sizeof(((struct err *)NULL)->id)];	/* or "" */
	int	status;			/* exit status */
	char	line[ERR_LINE_MAX + 1];	/* as it was told */
};

/*
 * Keeps it.  What cannot be kept is lost without a word: the error itself has
 * been told, and nothing waits for the disk.  folder: that of state if it is open
 * already, by who may not open it any more; or FOLDER_INIT.
 */
void	 lasterror_keep(struct folder *folder, const char *target,
	    const struct err *e, const char *line);

/*
 * The one that is kept, printable.  Returns 1; 0 when there is none that can be
 * read; or -1 when there can be none, with why in size bytes.
 */
int	 lasterror_read(struct lasterror *last, char *why, size_t size);

#endif
