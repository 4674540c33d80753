/*
 * Goal: what ssh was told of ConnectTimeout is read as ssh reads it, of ssh only,
 * and no command line leads astray.
 */
#include <stdlib.h>
#include <string.h>

#include "proxy/sshparent.h"
#include "test/unit/tap.h"

/* Words are separated by '|' here. */
static struct sshparent
parsed(const char *line)
{
	struct sshparent p;
	char words[1024];
	size_t i, len = strlen(line) + 1;

	memcpy(words, line, len);
	for (i = 0; i < len; i++)
		if (words[i] == '|')
			words[i] = '\0';
	sshparent_parse(words, len, &p);
	return (p);
}

static const struct { const char *line; int s; } timeouts[] = {
	{ "ssh|-o|ConnectTimeout=15|web01.arc", 15 },
	{ "ssh|-oConnectTimeout=15|web01.arc", 15 },
	{ "ssh|-oConnectTimeout 15|web01.arc", 15 },
	{ "/usr/bin/ssh|-v|-T|-D|4711|-o|connecttimeout 15|web01.arc|bash", 15 },
	{ "ssh|-o|ConnectTimeout = 15|x", 15 },
	{ "ssh|-o|ConnectTimeout \"15\"|x", 15 },
	{ "ssh|-o| ConnectTimeout=\"15\"|x", 15 },
	{ "ssh|-o|ConnectTimeout=2m|x", 120 },
	{ "ssh|-o|ConnectTimeout=1h30M5s|x", 5405 },
	{ "ssh|-o|ConnectTimeout=1w2d|x", 777600 },
	{ "ssh|-o|ConnectTimeout=90|-o|ConnectTimeout=10|x", 90 },
	{ "ssh|-o|ConnectTimeout=none|-o|ConnectTimeout=10|x", 10 },
	{ "ssh|-o|ConnectTimeout=0|-o|ConnectTimeout=10|x", 0 },
	{ "ssh|-vvo|ConnectTimeout=7|x", 7 },
	{ "ssh|-vvoConnectTimeout=7|x", 7 },
	{ "ssh|x|-o|ConnectTimeout=7", 7 },
	{ "ssh|-l|me|x|-o|ConnectTimeout=7|true", 7 },
	{ "ssh|x|true|-o|ConnectTimeout=7", 0 },
	{ "ssh|x|--|-o|ConnectTimeout=7", 0 },
	{ "ssh|-l|-oConnectTimeout=7|x", 0 },
	{ "ssh|-F|-oConnectTimeout=7|-i|-oConnectTimeout=8|x", 0 },
	{ "ssh|-o|ConnectTimeoutX=7|x", 0 },
	{ "ssh|-o|ConnectionAttempts=7|x", 0 },
	{ "ssh|-o|ConnectTimeout|x", 0 },
	{ "ssh|-o|ConnectTimeout=|x", 0 },
	{ "ssh|-o|ConnectTimeout=abc|x", 0 },
	{ "ssh|-o|ConnectTimeout=-5|x", 0 },
	{ "ssh|-o|ConnectTimeout=99999999999999999999w|x", 2147483 },
	{ "ssh|-o", 0 },
	{ "ssh|-", 0 },
	{ "ssh||-o|ConnectTimeout=7|x", 7 },
	{ "ssh", 0 },
	{ "scp|-o|ConnectTimeout=15|x", 0 },
	{ "bash|-c|ssh -o ConnectTimeout=15 x", 0 },
	{ "python3|-o|ConnectTimeout=15|ssh", 0 },
	{ "sshd|-o|ConnectTimeout=15", 0 },
	{ "", 0 },
};

static void
test_damaged(void)
{
	char words[200], copy[200];
	struct sshparent p;
	size_t i, len, wrong = 0;

	for (i = 0; i < 200000; i++) {
		static const char some[] = "ssh-oqvlConnectTimeout=15 \"\0\0\0";
		size_t n = 1 + (size_t)rand() % sizeof(words);

		for (len = 0; len < n; len++)
			words[len] = some[(size_t)rand() % sizeof(some)];
		words[n - 1] = '\0';
		memcpy(words, "ssh", n < 4 ? 0 : 4);
		memcpy(copy, words, n);
		sshparent_parse(words, n, &p);
		wrong += memcmp(copy, words, n) != 0 ||
		    p.connect_timeout_s < 0;
	}
	ok(wrong == 0, "200,000 command lines of nonsense");
	sshparent_parse("ssh", 0, &p);
	ok(!p.is_ssh, "nothing");
	sshparent_parse("ssh -o", 3, &p);
	ok(!p.is_ssh, "no NUL at the end");
}

int
main(void)
{
	struct sshparent p;
	size_t i;

	for (i = 0; i < sizeof(timeouts) / sizeof(timeouts[0]); i++) {
		p = parsed(timeouts[i].line);
		ok(p.connect_timeout_s == timeouts[i].s, "%d s: %s",
		    timeouts[i].s, timeouts[i].line);
	}
	ok(parsed("ssh|x").is_ssh && parsed("/opt/x y/bin/ssh|x").is_ssh &&
	    !parsed("sshd|x").is_ssh && !parsed("x|ssh").is_ssh, "is it ssh?");
	ok(parsed("ssh|-q|x").quiet && parsed("ssh|-Tqx|x").quiet &&
	    !parsed("ssh|-l|q|-lq|x|q").quiet, "is it quiet?");
	test_damaged();
	sshparent_find(&p);
	ok(!p.is_ssh, "our parent is no ssh");
	return (done_testing());
}
