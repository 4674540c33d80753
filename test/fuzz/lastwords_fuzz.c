/*
 * An error on its way to a terminal: whatever peers and files put into it, the
 * line is printable, is cut with its id kept, and is what ssh will read.
 * Input: id, program, subject, cause and fix, each ended by a NUL.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/lastwords.h"
#include "relay/err.h"

#define ID_LINE	"SSH-2.0-arc_relay_proxy\r\n"

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t len)
{
	char *text = calloc(1, len + 5), line[ERR_LINE_MAX + 1], tail[16];
	const char *part[5];
	uint8_t out[LASTWORDS_SIZE], *packet = out + strlen(ID_LINE);
	struct err e = ERR_INIT;
	size_t i, at, n, size;

	memcpy(text, in, len);
	for (i = at = 0; i < 5; i++) {
		part[i] = text + at;
		at += strlen(part[i]) + (at < len);
	}
	(void)err_set(&e, EX_DATAERR, part[0], "%s", part[3]);
	(void)err_fix(&e, "%s", part[4]);
	(void)err_line(&e, part[1], part[2], line, sizeof(line));
	n = strlen(line);
	assert(n <= ERR_LINE_MAX);
	(void)snprintf(tail, sizeof(tail), " [%s]", e.id);
	assert(e.id[0] == '\0' || strcmp(line + n - strlen(tail), tail) == 0);
	for (i = 0; i < n; i++)
		assert(line[i] >= 0x20 && line[i] <= 0x7e);

	size = lastwords(line, out);
	assert(size <= sizeof(out));
	assert(memcmp(out, ID_LINE, strlen(ID_LINE)) == 0);
	size -= strlen(ID_LINE);
	assert(size % 8 == 0 && (size_t)(packet[2] << 8 | packet[3]) + 4 ==
	    size);
	assert((size_t)(packet[12] << 8 | packet[13]) == n &&
	    memcmp(packet + 14, line, n) == 0);
	free(text);
	return (0);
}
