/*
 * Request lines from anybody on this machine: without our state nothing of them
 * counts; with it a code is visible ASCII, and never comes with an error.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "auth/redirect.h"
#include "auth/text.h"

#define STATE	"S-_123456789012345678901234567890123456789"

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t len)
{
	struct redirect r = REDIRECT_INIT;
	char *line = malloc(len > 0 ? len : 1);	/* not one byte more */
	enum redirect_verdict verdict;

	memcpy(line, in, len);
	verdict = redirect_read(line, len, STATE, &r);
	assert((verdict == REDIRECT_CODE) == (r.code.len > 0));
	assert((verdict == REDIRECT_ERROR) == (r.error[0] != '\0'));
	if (verdict == REDIRECT_CODE)
		assert(text_is_visible(r.code.data, r.code.len) &&
		    r.code.len <= REDIRECT_LINE_MAX);
	if (verdict <= REDIRECT_ERROR)
		assert(len > 0 && memmem(line, len, "state=", 6) != NULL);
	else
		assert(r.text[0] == '\0');
	/* another question's answer it is not */
	if (verdict <= REDIRECT_ERROR)
		assert(redirect_read(line, len, STATE "x", &r) ==
		    REDIRECT_STRANGER && r.code.len == 0);
	redirect_free(&r);
	free(line);
	return (0);
}
