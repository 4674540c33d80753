/*
 * Asking a person for a secret, see cmd_prompt.h.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <termios.h>
#include <unistd.h>

#include "proxy/cmd_prompt.h"
#include "relay/err.h"
#include "relay/secret.h"

static const int deadly[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };

#define NDEADLY	(sizeof(deadly) / sizeof(deadly[0]))

static volatile sig_atomic_t caught;

static void
on_signal(int number)
{
	caught = number;
}

static void
say(const char *text)
{
	(void)!write(STDERR_FILENO, text, strlen(text));
}

/*
 * Up to the end of the line.  Byte by byte: the rest is not for us.  A signal is
 * let through only while we wait: earlier it would be seen too late.
 */
static int
read_line(const sigset_t *while_waiting, char line[PROMPT_MAX], size_t *len)
{
	struct pollfd in = { STDIN_FILENO, POLLIN, 0 };
	ssize_t n;
	char c;

	for (*len = 0; caught == 0;) {
		if (ppoll(&in, 1, NULL, while_waiting) == -1 ||
		    (n = read(STDIN_FILENO, &c, 1)) == -1) {
			if (errno == EINTR)
				continue;
			return (-1);
		}
		if (n == 0 || c == '\n')
			break;
		if (*len == PROMPT_MAX)
			return (-1);
		line[(*len)++] = c;
	}
	if (*len > 0 && line[*len - 1] == '\r')
		(*len)--;
	return (*len > 0 && caught == 0 ? 0 : -1);
}

/* The same without echo; a signal that would end us waits until it is back. */
static int
read_quietly(const char *what, char line[PROMPT_MAX], size_t *len)
{
	struct sigaction act = { .sa_handler = on_signal }, old[NDEADLY];
	sigset_t held, usual_mask;
	struct termios usual, quiet;
	size_t i;
	int rc;

	if (tcgetattr(STDIN_FILENO, &usual) == -1)
		return (-1);
	caught = 0;
	(void)sigemptyset(&held);
	for (i = 0; i < NDEADLY; i++)
		(void)sigaddset(&held, deadly[i]);
	(void)sigprocmask(SIG_BLOCK, &held, &usual_mask);
	for (i = 0; i < NDEADLY; i++)
		(void)sigaction(deadly[i], &act, &old[i]);
	quiet = usual;
	quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
	/* first quiet, then the question: nothing typed early is seen or lost */
	if ((rc = tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet)) == 0) {
		say(what);
		say(": ");
		rc = read_line(&usual_mask, line, len);
	}
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &usual);
	say("\n");
	for (i = 0; i < NDEADLY; i++)
		(void)sigaction(deadly[i], &old[i], NULL);
	if (caught != 0)
		(void)raise(caught);
	(void)sigprocmask(SIG_SETMASK, &usual_mask, NULL);
	return (rc);
}

int
prompt_secret(const char *what, struct secret *out, struct err *e)
{
	char line[PROMPT_MAX];
	size_t len = 0;
	int rc;

	rc = isatty(STDIN_FILENO) ? read_quietly(what, line, &len) :
	    read_line(NULL, line, &len);
	if (rc == -1) {
		err_set(e, EX_NOINPUT, "", "no secret came on standard input, "
		    "or one of more than %d bytes", PROMPT_MAX);
		err_fix(e, "type it when asked, or: arc-relay login ... < FILE");
	} else if ((rc = secret_set(out, line, len)) == -1)
		err_set(e, EX_OSERR, "", "out of memory");
	secret_wipe(line, sizeof(line));
	return (rc);
}

int
prompt_yes(const char *question, struct err *e)
{
	char line[16];

	if (!isatty(STDIN_FILENO)) {
		err_set(e, EX_USAGE, "", "nobody can be asked: standard input "
		    "is no terminal");
		return (err_fix(e, "--yes"));
	}
	fprintf(stderr, "%s [y/N] ", question);
	if (fgets(line, sizeof(line), stdin) == NULL)
		return (0);
	return (strcasecmp(line, "y\n") == 0 || strcasecmp(line, "yes\n") == 0);
}
