/*
 * arc-relay: what is done before a session and beside it, as verbs.  The session
 * itself is arc-relay-proxy's.
 */
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "auth/env.h"
#include "proxy/cmd.h"
#include "proxy/harden.h"
#include "relay/err.h"
#include "relay/locked.h"
#include "relay/log.h"

/* In the order in which one needs them. */
static const struct verb {
	const char	*name;
	int		(*run)(int argc, char **argv, struct err *e);
	const char	*help;
} verbs[] = {
	{ "login", cmd_login, "log in to Azure" },
	{ "logout", cmd_logout, "forget who is logged in" },
	{ "whoami", cmd_whoami, "as whom you connect, and until when" },
	{ "list", cmd_list, "the machines that you can see" },
	{ "config", cmd_config, "write the machines into ssh's configuration" },
	{ "cert", cmd_cert, "get or renew an SSH certificate of Entra's" },
	{ "inventory", cmd_inventory, "the machines for ansible" },
	{ "names", cmd_names, "what can be typed for a machine, without asking Azure" },
	{ "doctor", cmd_doctor, "look for what keeps ssh from a machine" },
	{ "explain", cmd_explain, "the last failure, or an id, or pasted output" },
	{ "register", cmd_register, "what a subscription needs first, once" },
	{ "enable", cmd_enable, "set SSH of a machine up in Azure, once" },
	{ "disable", cmd_disable, "take that away again" },
	{ "prepare", cmd_prepare, "dial many machines before a play of ansible" },
	{ "credentials", cmd_credentials, "get the relay credential of a machine" },
	{ "cache", cmd_cache, "show or clear what is kept of tokens and credentials" },
	{ "version", cmd_version, "the versions of program and libraries" },
};

#define NVERBS	(sizeof(verbs) / sizeof(verbs[0]))

static int
help(int argc, char **argv, struct err *e)
{
	size_t i;

	(void)argc;
	(void)argv;
	(void)e;
	printf("usage: arc-relay VERB [OPTION ...]\n\n");
	for (i = 0; i < NVERBS; i++)
		printf("  %-14s %s\n", verbs[i].name, verbs[i].help);
	printf("\nTo begin: arc-relay login; arc-relay config install; ssh NAME.arc\n"
	    "When it fails: arc-relay doctor NAME\n"
	    "Options of a verb: arc-relay VERB --help\n");
	return (0);
}

static int
is_one_of(const char *word, const char *letter, const char *name)
{
	return (strcmp(word, letter) == 0 || strcmp(word, name) == 0);
}

static int
run(int argc, char **argv, struct err *e)
{
	size_t i;

	if (argc < 2) {
		err_set(e, EX_USAGE, "", "no verb is given");
		return (err_fix(e, "see arc-relay --help"));
	}
	if (is_one_of(argv[1], "-h", "--help"))
		return (help(argc, argv, e));
	if (is_one_of(argv[1], "-V", "--version"))
		return (cmd_version(1, argv + 1, e));
	for (i = 0; i < NVERBS; i++)
		if (strcmp(argv[1], verbs[i].name) == 0)
			return (verbs[i].run(argc - 1, argv + 1, e));
	err_set(e, EX_USAGE, "", "there is no verb \"%.40s\"", argv[1]);
	return (err_fix(e, "see arc-relay --help"));
}

/* Who reads the first lines only, as head(1), wants no word of it. */
static bool
reader_is_gone(void)
{
	struct pollfd p = { STDOUT_FILENO, 0, 0 };

	return (poll(&p, 1, 0) == 1 && (p.revents & POLLERR) != 0);
}

int
main(int argc, char **argv)
{
	struct err e = ERR_INIT;
	char line[ERR_LINE_MAX + 1];
	size_t locked, unlocked;
	int rc;

	harden_process();
	harden_memory();
	log_init("arc-relay", LOG_QUIET, false);
	rc = env_take_secrets() == 0 ? run(argc, argv, &e) :
	    err_set(&e, EX_OSERR, "", "out of memory");
	locked_count(&locked, &unlocked);
	log_debug("memory for secrets: %zu bytes locked, %zu not", locked,
	    unlocked);
	if (rc == 0 && (fflush(stdout) == EOF || ferror(stdout)))
		rc = err_sys(&e, EX_IOERR, "", "cannot write to stdout");
	if (rc != -1)
		return (rc);	/* done; or the verb has told it itself */
	if (e.status != EX_IOERR || !reader_is_gone())
		fprintf(stderr, "%s\n",
		    err_line(&e, "arc-relay", NULL, line, sizeof(line)));
	return (e.status);
}
