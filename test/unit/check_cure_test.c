/*
 * The command that wrote a configuration, taken from its first line.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "proxy/check_cure.h"
#include "proxy/sshconf.h"
#include "test/unit/tap.h"

static struct cure_command c;

/* The words, with a bar between them; NULL: it is no such line. */
static const char *
words(const char *command)
{
	static char out[CURE_TEXT_MAX];
	char line[CURE_TEXT_MAX + 100];
	size_t i;

	(void)snprintf(line, sizeof(line), SSHCONF_FIRST ": %s", command);
	if (cure_read_line(line, &c) == -1)
		return (NULL);
	out[0] = '\0';
	for (i = 0; i < c.n; i++) {
		if (i > 0)
			(void)strcat(out, "|");
		(void)strcat(out, c.argv[i]);
	}
	return (c.argv[c.n] == NULL ? out : NULL);
}

static void
test_words(const char *command, const char *wanted)
{
	const char *found = words(command);

	ok(wanted == NULL ? found == NULL : found != NULL &&
	    strcmp(found, wanted) == 0, "%.60s", command);
}

int
main(void)
{
	char shown[100], longest[SSHCONF_MADE_BY_MAX + 1];
	size_t i;

	test_words("arc-relay config install", "arc-relay|config|install");
	test_words("arc-relay config install --tag env=prod 'web*' ''",
	    "arc-relay|config|install|--tag|env=prod|web*|");
	test_words("arc-relay config install --query 'name == '\\''a b'\\'''",
	    "arc-relay|config|install|--query|name == 'a b'");
	test_words("arc-relay config --short install 'a;b' '$(x)'",
	    "arc-relay|config|--short|install|a;b|$(x)");
	test_words("arc-relay config", NULL);
	test_words("arc-relay config --short web01", NULL);
	test_words("arc-relay cache clear install", NULL);
	test_words("rm config install", NULL);
	test_words("arc-relay config install 'web", NULL);
	test_words("", NULL);
	ok(cure_read_line("# something else", &c) == -1 &&
	    cure_read_line("", &c) == -1, "no line of ours");

	(void)snprintf(longest, sizeof(longest), "arc-relay config install ");
	for (i = strlen(longest); i < SSHCONF_MADE_BY_MAX; i++)
		longest[i] = 'x';
	longest[i] = '\0';
	ok(words(longest) == NULL, "one that may have been cut");
	longest[i - 1] = '\0';
	ok(words(longest) != NULL, "the longest that was not");
	(void)snprintf(longest, sizeof(longest), "arc-relay config install");
	for (i = strlen(longest); i + 2 < SSHCONF_MADE_BY_MAX; i += 2)
		(void)memcpy(longest + i, " a", 3);
	ok(words(longest) == NULL, "more words than there is room for");

	(void)words("arc-relay config install 'web*'");
	ok(strcmp(cure_shown(&c, shown, sizeof(shown)),
	    "arc-relay config install 'web*'") == 0, "shown as it was typed");
	ok(strlen(cure_shown(&c, shown, 12)) == 11, "and cut");
	return (done_testing());
}
