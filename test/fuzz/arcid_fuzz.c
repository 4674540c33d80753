/*
 * Resource ids: what is accepted can be put together again from its parts, and
 * holds nothing that must be quoted in a URL, but for letters beyond ASCII in
 * the name of the group.
 */
#include <assert.h>
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/arc.h"
#include "relay/err.h"

static void
must_be_plain(const char *s, const char *also, int beyond_ascii)
{
	assert(*s != '\0' && strcmp(s, ".") != 0 && strcmp(s, "..") != 0);
	for (; *s != '\0'; s++)
		assert(*s & 0x80 ? beyond_ascii : isalnum(*s) ||
		    strchr(also, *s) != NULL);
}

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t len)
{
	char *text = malloc(len + 1), built[2 * ARC_ID_MAX];
	struct arc_id id, again;
	struct err e = ERR_INIT;
	const char *type, *name;

	memcpy(text, in, len);
	text[len] = '\0';
	if (arc_id_parse(text, &id, &e) == -1) {
		assert(e.status == EX_USAGE || strcmp(e.id, "E202") == 0);
		goto out;
	}
	must_be_plain(id.subscription, "-", 0);
	must_be_plain(id.group, "_-.()", 1);
	must_be_plain(id.name, "_-.", 0);
	len = strlen(id.text);
	assert(strncmp(id.text, text, len) == 0 &&
	    text[len + strspn(text + len, "/")] == '\0');

	/* between the group and the name stands the type */
	assert((type = strcasestr(id.text, "/providers/microsoft.")) != NULL);
	assert((name = strrchr(id.text, '/')) > type);
	(void)snprintf(built, sizeof(built), "/subscriptions/%s/resourceGroups/"
	    "%s%.*s/%s", id.subscription, id.group, (int)(name - type), type,
	    id.name);
	assert(strcasecmp(built, id.text) == 0);
	assert(arc_id_parse(built, &again, &e) == 0 &&
	    strcmp(again.name, id.name) == 0);
 out:
	free(text);
	return (0);
}
