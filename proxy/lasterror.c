/*
 * The last error, see lasterror.h.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "auth/folder.h"
#include "auth/json.h"
#include "proxy/lasterror.h"
#include "relay/log.h"
#include "relay/secret.h"

#define FILE_MAX	4096	/* bytes */

/* Printable ASCII of at most size bytes. */
static void
take(char *out, size_t size, const char *text)
{
	(void)snprintf(out, size, "%s", text != NULL ? text : "");
	log_clean(out);
}

void
lasterror_keep(struct folder *folder, const char *target, const struct err *e,
    const char *line)
{
	struct lasterror last;
	struct secret text = SECRET_INIT;
	struct js *j;

	if (folder->fd == -1 && folder_open_state(folder) == -1)
		return;
	take(last.target, sizeof(last.target), target);
	j = js_object();
	if (js_set_integer(j, "time", time(NULL)) == 0 &&
	    js_set_string(j, "target", last.target) == 0 &&
	    js_set_string(j, "id", e->id) == 0 &&
	    js_set_integer(j, "status", e->status) == 0 &&
	    js_set_string(j, "line", line) == 0 && js_dump(j, &text) == 0)
		(void)folder_write_quick(folder, LASTERROR_FILE, FILE_MAX,
		    &text);
	js_free(j);
	secret_free(&text);
}

int
lasterror_read(struct lasterror *last, char *why, size_t size)
{
	struct secret text = SECRET_INIT;
	char unread[JS_WHY_MAX];
	struct folder folder;
	struct js *j = NULL;
	int64_t status;
	int rc = 0;

	*last = (struct lasterror){ .time = 0 };
	if (folder_open_state(&folder) == -1) {
		(void)snprintf(why, size, "%s", folder.why);
		return (-1);
	}
	if (folder_read(&folder, LASTERROR_FILE, FILE_MAX, &text) == 0 &&
	    (j = js_parse(text.data, text.len, unread)) != NULL &&
	    js_string(j, "line") != NULL &&
	    js_integer(j, "time", &last->time) == 0 &&
	    js_integer(j, "status", &status) == 0 && status > 0 &&
	    status < 256) {
		last->status = (int)status;
		take(last->target, sizeof(last->target),
		    js_string(j, "target"));
		take(last->id, sizeof(last->id), js_string(j, "id"));
		take(last->line, sizeof(last->line), js_string(j, "line"));
		rc = 1;
	}
	js_free(j);
	secret_free(&text);
	folder_close(&folder);
	return (rc);
}
