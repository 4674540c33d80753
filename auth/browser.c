/*
 * The person's web browser, see browser.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/browser.h"
#include "auth/child.h"

#ifdef __APPLE__
#define OPENER		"open"
#else
#define OPENER		"xdg-open"
#endif
#define WORDS_MAX	16	/* of $BROWSER */

static bool
is_set(const char *name)
{
	const char *value = getenv(name);

	return (value != NULL && *value != '\0');
}

/* $BROWSER, cut into words; or NULL: not set, or too long. */
static const char *
words(char *text, size_t size, const char *argv[WORDS_MAX + 2])
{
	const char *value = getenv("BROWSER");
	char *rest = text, *word;
	size_t n = 0;

	if (value == NULL || (size_t)snprintf(text, size, "%s", value) >= size)
		return (NULL);
	while (n < WORDS_MAX && (word = strsep(&rest, " \t")) != NULL)
		if (*word != '\0')
			argv[n++] = word;
	argv[n] = NULL;
	return (n > 0 && n < WORDS_MAX ? argv[0] : NULL);
}

static bool
is_on_path(const char *program)
{
	const char *path = getenv("PATH"), *end;
	char file[1024];

	if (strchr(program, '/') != NULL)
		return (access(program, X_OK) == 0);
	for (; path != NULL && *path != '\0'; path = end + (*end == ':')) {
		end = path + strcspn(path, ":");
		if ((size_t)snprintf(file, sizeof(file), "%.*s/%s",
		    (int)(end - path), path, program) < sizeof(file) &&
		    access(file, X_OK) == 0)
			return (true);
	}
	return (false);
}

bool
browser_is_there(void)
{
	const char *argv[WORDS_MAX + 2], *program;
	char text[1024];

#ifndef __APPLE__
	if (!is_set("DISPLAY") && !is_set("WAYLAND_DISPLAY"))
		return (false);
#endif
	if (is_set("SSH_CONNECTION") || is_set("SSH_TTY"))
		return (false);
	program = words(text, sizeof(text), argv);
	return ((program != NULL && is_on_path(program)) || is_on_path(OPENER));
}

/* The URL where %s stands, else at the end.  filled is freed by the caller. */
static int
put_url(const char *argv[WORDS_MAX + 2], const char *url, char **filled)
{
	size_t i, size;
	const char *at;

	for (i = 0; argv[i] != NULL; i++)
		if (i > 0 && (at = strstr(argv[i], "%s")) != NULL) {
			size = strlen(argv[i]) + strlen(url) + 1;
			if ((*filled = malloc(size)) == NULL)
				return (-1);
			(void)snprintf(*filled, size, "%.*s%s%s",
			    (int)(at - argv[i]), argv[i], url, at + 2);
			argv[i] = *filled;
			return (0);
		}
	argv[i] = url;
	argv[i + 1] = NULL;
	return (0);
}

pid_t
browser_open(const char *url)
{
	const char *argv[WORDS_MAX + 2], *program;
	const char *opener[] = { OPENER, NULL, NULL };
	char text[1024], *filled = NULL;
	/* it may lie among secrets, which no child can read */
	char *plain = strdup(url);
	pid_t pid = -1;

	if (plain == NULL)
		return (-1);
	/* looked for here: not every posix_spawn says that there is none */
	program = words(text, sizeof(text), argv);
	if (program != NULL && is_on_path(program) &&
	    put_url(argv, plain, &filled) == 0)
		pid = child_launch(argv);
	opener[1] = plain;
	if (pid == -1 && is_on_path(OPENER))
		pid = child_launch(opener);
	free(filled);
	free(plain);
	return (pid);
}
