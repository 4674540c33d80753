/*
 * SSH's identification, see ident.h.
 */
#include <stdbool.h>
#include <string.h>

#include "proxy/ident.h"
#include "relay/log.h"

static bool
begins(const char *line, const char *with)
{
	return (strncmp(line, with, strlen(with)) == 0);
}

/* A line has ended. */
static enum ident_found
judge(struct ident *id)
{
	if (id->len > 0 && id->line[id->len - 1] == '\r')
		id->len--;
	id->line[id->len] = '\0';
	if (begins(id->line, "SSH-2.0-") || begins(id->line, "SSH-1.99-")) {
		log_clean(id->line);
		return (IDENT_SSH);
	}
	if (begins(id->line, "SSH-") || ++id->lines > IDENT_LINES)
		return (IDENT_OTHER);
	id->len = 0;
	return (IDENT_MORE);
}

enum ident_found
ident_take(struct ident *id, const uint8_t *bytes, size_t len)
{
	enum ident_found found = IDENT_MORE;
	size_t i;

	for (i = 0; i < len && id->shown < IDENT_FIRST; i++)
		id->first[id->shown++] = bytes[i] != '\0' ? (char)bytes[i] :
		    '?';
	log_clean(id->first);
	for (i = 0; i < len && found == IDENT_MORE; i++) {
		char c = (char)bytes[i];

		if (++id->bytes > IDENT_BYTES || c == '\0')
			found = IDENT_OTHER;
		else if (c == '\n')
			found = judge(id);
		else if (id->len < IDENT_MAX - 1)
			id->line[id->len++] = c;
		else if (begins(id->line, "SSH-"))
			found = IDENT_OTHER;	/* of another line the rest is lost */
	}
	return (found);
}
