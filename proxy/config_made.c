/*
 * What was not there before us, see config_made.h.  A line a path.
 */
#include <string.h>

#include "auth/folder.h"
#include "auth/text.h"
#include "proxy/config_made.h"
#include "relay/err.h"

#define NAME		"ssh-config.made"
#define LIST_MAX	(64 * 1024)	/* bytes */

void
config_made_read(struct config_made *m, const struct folder *f)
{
	*m = (struct config_made){ .folder = f };
	(void)folder_read(f, NAME, LIST_MAX, &m->list);
	if (m->list.len > 0 && (m->list.data[m->list.len - 1] != '\n' ||
	    memchr(m->list.data, '\0', m->list.len) != NULL))
		secret_free(&m->list);
}

void
config_made_free(struct config_made *m)
{
	secret_free(&m->list);
}

/* Where the line of path begins; NULL: it has none. */
static const char *
find(const struct config_made *m, const char *path)
{
	const char *at = m->list.data;
	size_t len = strlen(path);

	for (; at != NULL && *at != '\0'; at = strchr(at, '\n') + 1)
		if (strncmp(at, path, len) == 0 && at[len] == '\n')
			return (at);
	return (NULL);
}

bool
config_made_has(const struct config_made *m, const char *path)
{
	return (find(m, path) != NULL);
}

static int
write_list(struct config_made *m, struct secret *text, struct err *e)
{
	if (text->len > 0 ? folder_write(m->folder, NAME, LIST_MAX, text) ==
	    -1 : folder_drop(m->folder, NAME) == -1)
		return (err_sys(e, EX_CANTCREAT, "E112", "cannot write to the "
		    "state folder"));
	secret_move(&m->list, text);
	return (0);
}

int
config_made_note(struct config_made *m, const char *path, struct err *e)
{
	struct secret text = SECRET_INIT;
	int rc = -1;

	if (find(m, path) != NULL)
		return (0);
	if (text_append(&text, m->list.data, m->list.len, LIST_MAX) == -1 ||
	    text_append(&text, path, strlen(path), LIST_MAX) == -1 ||
	    text_append(&text, "\n", 1, LIST_MAX) == -1)
		err_set(e, EX_OSERR, "", "out of memory");
	else
		rc = write_list(m, &text, e);
	secret_free(&text);
	return (rc);
}

int
config_made_forget(struct config_made *m, const char *path, struct err *e)
{
	const char *at = find(m, path), *next;
	struct secret text = SECRET_INIT;
	int rc = -1;

	if (at == NULL)
		return (0);
	next = strchr(at, '\n') + 1;
	if (text_append(&text, m->list.data, (size_t)(at - m->list.data),
	    LIST_MAX) == -1 ||
	    text_append(&text, next, strlen(next), LIST_MAX) == -1)
		err_set(e, EX_OSERR, "", "out of memory");
	else
		rc = write_list(m, &text, e);
	secret_free(&text);
	return (rc);
}
