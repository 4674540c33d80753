/*
 * The ssh that has started us, see sshparent.h.  What ssh reads from its files
 * it tells nobody; what scp, sftp, rsync, git, ansible and VS Code want of it
 * stands on its command line, where the first of two equal options counts.
 */
#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "proxy/sshparent.h"

#define WORDS_MAX	(16 * 1024)	/* bytes; options stand in front */

/* The letters that take an argument, of ssh(1); each may have it in its word. */
static const char with_argument[] = "bceilmopwBDEFIJLOPQRSW";

/*
 * "90", "2m", "1h30m", as TIME FORMATS of sshd_config(5), as seconds.
 * Returns -1 for "none" and for what ssh would not take.
 */
static int
seconds(const char *text)
{
	static const struct { char unit; int s; } units[] = {
		{ 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 },
		{ 'w', 604800 },
	};
	long long all = 0, n;
	size_t i;

	if (*text == '\0')
		return (-1);
	while (*text != '\0') {
		int unit = 1;

		if (!isdigit((unsigned char)*text))
			return (-1);
		for (n = 0; isdigit((unsigned char)*text) && n < INT_MAX;
		    text++)
			n = n * 10 + (*text - '0');
		for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
			if (tolower((unsigned char)*text) == units[i].unit)
				unit = units[i].s;
		if (isalpha((unsigned char)*text))
			text++;
		if ((all += n * unit) > INT_MAX / 1000)
			return (INT_MAX / 1000);
	}
	return ((int)all);
}

/* "ConnectTimeout=15", "connecttimeout 15", "ConnectTimeout = \"15\"". */
static void
take_option(const char *text, struct sshparent *p, bool *said)
{
	static const char keyword[] = "ConnectTimeout";
	char value[32];
	int s;

	text += strspn(text, " \t");
	if (strncasecmp(text, keyword, strlen(keyword)) != 0)
		return;
	text += strlen(keyword);
	if (strchr(" \t=\"", *text) == NULL)
		return;
	text += strspn(text, " \t=\"");
	(void)snprintf(value, sizeof(value), "%.*s",
	    (int)strcspn(text, " \t\""), text);
	if (*said || (s = seconds(value)) == -1)
		return;		/* to ssh "none" is as if it had not been said */
	*said = true;
	p->connect_timeout_s = s;
}

/* The word after word, or NULL behind the last. */
static const char *
next(const char *word, const char *end)
{
	word += strlen(word) + 1;
	return (word < end ? word : NULL);
}

void
sshparent_parse(const char *words, size_t len, struct sshparent *p)
{
	const char *end = words + len, *word, *name, *argument;
	bool said = false, have_host = false;

	*p = (struct sshparent){ .is_ssh = false };
	if (len == 0 || end[-1] != '\0')
		return;
	name = strrchr(words, '/') != NULL ? strrchr(words, '/') + 1 : words;
	if (strcmp(name, "ssh") != 0)
		return;
	p->is_ssh = true;
	for (word = next(words, end); word != NULL; word = next(word, end)) {
		if (word[0] != '-' || word[1] == '\0') {
			if (have_host)
				return;		/* the command, for the machine */
			have_host = true;	/* options may follow it */
			continue;
		}
		if (strcmp(word, "--") == 0)
			return;
		for (name = word + 1; *name != '\0'; name++) {
			if (*name == 'q')
				p->quiet = true;
			if (strchr(with_argument, *name) == NULL)
				continue;
			argument = name[1] != '\0' ? name + 1 : next(word, end);
			if (argument == NULL)
				return;
			if (*name == 'o')
				take_option(argument, p, &said);
			if (name[1] == '\0')
				word = argument;
			break;
		}
	}
}

void
sshparent_find(struct sshparent *p)
{
	char path[64], words[WORDS_MAX];
	ssize_t n = -1;
	int fd;

	*p = (struct sshparent){ .is_ssh = false };
	(void)snprintf(path, sizeof(path), "/proc/%ld/cmdline",
	    (long)getppid());
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		return;
	n = read(fd, words, sizeof(words));
	(void)close(fd);
	if (n <= 0)
		return;
	words[n - 1] = '\0';	/* a longer one is cut */
	sshparent_parse(words, (size_t)n, p);
}
