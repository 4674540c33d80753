/*
 * The commands that cure, see check_cure.h.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "auth/text.h"
#include "proxy/beside.h"
#include "proxy/check_cure.h"
#include "proxy/check_ssh.h"
#include "proxy/cmd_options.h"
#include "proxy/sshconf.h"
#include "relay/err.h"
#include "relay/log.h"
#include "relay/secret.h"

#define CONFIG_MAX	(64u * 1024 * 1024)	/* bytes */

static void
add(struct cure_command *c, const char *word)
{
	if (c->n < CURE_WORDS_MAX)
		c->argv[c->n++] = word;
	c->argv[c->n] = NULL;
}

static void
add_option(struct cure_command *c, const char *name, const char *value)
{
	if (value == NULL)
		return;
	add(c, name);
	add(c, value);
}

/* What leads doctor to Azure leads there too. */
static void
add_way(struct cure_command *c, const struct check_env *env)
{
	static const char *const names[CMD_NROWS] = { "--cloud", "--cloud-file",
	    "--ca-file", "--proxy", "--proxy-auth-file" };
	int i;

	for (i = 0; i < CMD_NROWS; i++)
		add_option(c, names[i], env->o->value[i]);
	add_option(c, "--credential", env->credential);
}

/* --- the command that config install noted --- */

/* A word of a shell: plain, 'quoted', and a quote within as '\''. */
static bool
read_word(const char **at, char **out, const char *end)
{
	bool quoted = false;

	for (; **at != '\0' && (quoted || **at != ' '); (*at)++) {
		if (**at == '\'') {
			quoted = !quoted;
			continue;
		}
		if (!quoted && **at == '\\' && (*at)[1] == '\'')
			(*at)++;
		if (*out + 1 >= end)
			return (false);
		*(*out)++ = **at;
	}
	*(*out)++ = '\0';
	return (!quoted);
}

int
cure_read_line(const char *line, struct cure_command *c)
{
	static const char first[] = SSHCONF_FIRST ": ";
	char *out = c->text;
	const char *at = line + strlen(first), *word;
	bool installs = false;

	c->n = 0;
	if (strncmp(line, first, strlen(first)) != 0 ||
	    strlen(at) >= SSHCONF_MADE_BY_MAX || strlen(at) >= CURE_TEXT_MAX)
		return (-1);
	while (*at != '\0') {
		word = out;
		if (c->n == CURE_WORDS_MAX ||
		    !read_word(&at, &out, c->text + CURE_TEXT_MAX))
			return (-1);
		installs |= strcmp(word, "install") == 0;
		add(c, word);
		at += strspn(at, " ");
	}
	return (c->n >= 3 && strcmp(c->argv[0], BESIDE_TOOL) == 0 &&
	    strcmp(c->argv[1], "config") == 0 && installs ? 0 : -1);
}

static int
config_command(const struct check_env *env, struct cure_command *c,
    struct err *e)
{
	struct secret text = SECRET_INIT;
	struct config_places p;
	int rc = 0;

	if (config_places(NULL, &p, e) == -1)
		return (-1);
	if (text_read_regular(p.ours, CONFIG_MAX, false, &text) == -1 ||
	    text.data == NULL) {
		add(c, "config");
		add(c, "install");
		add_way(c, env);
	} else {
		text.data[strcspn(text.data, "\r\n")] = '\0';
		if ((rc = cure_read_line(text.data, c)) == -1) {
			err_set(e, EX_CONFIG, "", "%s does not tell which "
			    "command wrote it", p.ours);
			err_fix(e, "arc-relay config install, with the options "
			    "that it had");
		}
	}
	secret_free(&text);
	return (rc);
}

/* --- each of them --- */

int
cure_command(enum check_cure cure, const struct check_env *env,
    struct cure_command *c, struct err *e)
{
	*c = (struct cure_command){ .n = 0 };
	add(c, BESIDE_TOOL);
	switch (cure) {
	case CURE_CONFIG:
		return (config_command(env, c, e));
	case CURE_CACHE:
		add(c, "cache");
		add(c, "clear");
		return (0);
	case CURE_CERTIFICATE:
		add(c, "cert");
		add(c, "ensure");
		add_way(c, env);
		return (0);
	case CURE_REGISTER:
		add(c, "register");
		add_way(c, env);
		if (env->has_id)
			add_option(c, "--subscription", env->id.subscription);
		return (0);
	case CURE_ENABLE:
		add(c, "enable");
		add_way(c, env);
		if (env->port != 0) {
			(void)snprintf(c->text, sizeof(c->text), "%d",
			    env->port);
			add_option(c, "--port", c->text);
		}
		add_option(c, "--connect-to", env->connect_to);
		add(c, "--");
		add(c, env->has_id ? env->id.text : env->target.text);
		return (0);
	case CURE_NONE:
	case CURE_MODES:
	case NCURES:
		break;
	}
	return (err_set(e, EX_SOFTWARE, "", "no cure"));
}

char *
cure_shown(const struct cure_command *c, char *out, size_t size)
{
	size_t i, len = 0;
	bool plain;

	out[0] = '\0';
	for (i = 0; i < c->n && len < size; i++) {
		plain = c->argv[i][0] != '\0' &&
		    text_only(c->argv[i], "-._/=:,@+%");
		len += (size_t)snprintf(out + len, size - len, "%s%s%s%s",
		    i > 0 ? " " : "", plain ? "" : "'", c->argv[i],
		    plain ? "" : "'");
	}
	log_clean(out);
	return (out);
}
