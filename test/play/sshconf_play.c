/*
 * Writes machines as ssh_config, for tests, without Azure.  Standard input is JSON:
 *	{"settings": {"proxy": "/..", "user": "..", "entra": true, ..},
 *	 "args": [{"is": "--more"}, ..], "machines": [{"id": "..", "tags": {"..": ".."}}, ..]}
 * with the members of struct sshconf and struct machine.  The text goes to standard
 * output, and what is said about machines to standard error: WHAT NAME: WHY.
 *	sshconf_play		write
 *	sshconf_play time	say how long it took, in ms, instead of the text
 *	sshconf_play read	say what sshconf_read finds in the text instead
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/json.h"
#include "auth/machines.h"
#include "auth/text.h"
#include "proxy/sshconf.h"
#include "proxy/sshconf_read.h"
#include "relay/clock.h"
#include "relay/err.h"
#include "relay/secret.h"

#define ARGS_MAX	16
#define INPUT_MAX	(256 * 1024 * 1024)

static const char *
string(const struct js *o, const char *name, const char *otherwise)
{
	const char *value = js_string(o, name);

	return (value != NULL ? value : otherwise);
}

static int
number(const struct js *o, const char *name, int otherwise)
{
	int64_t value;

	return (js_integer(o, name, &value) == 0 ? (int)value : otherwise);
}

static void
add_machine(struct machines *l, const struct js *o)
{
	struct machine_tag tag = { "user", js_string(o, "user") };
	struct machine m = {
		.id = string(o, "id", ""), .name = string(o, "name", ""),
		.group = string(o, "group", ""),
		.subscription = string(o, "subscription", ""),
		.subscription_name = string(o, "subscription_name", ""),
		.type = string(o, "type", ""), .kind = string(o, "kind", ""),
		.location = "", .os = string(o, "os", "linux"), .agent = "",
		.status = "", .tags = &tag, .ntags = tag.value != NULL,
	};

	if (machines_add(l, &m) == -1)
		abort();
}

static void
note(void *arg, const struct machine *m, enum sshconf_note what, const char *why)
{
	static const char *const names[] = {
		[SSHCONF_LEFT_OUT] = "left-out", [SSHCONF_NO_ENTRA] = "no-entra",
		[SSHCONF_NOT_BARE] = "not-bare",
	};

	(void)arg;
	(void)fprintf(stderr, "%s %s: %s\n", names[what], m->name, why);
}

static int
show(void *arg, const struct sshconf_block *b, struct err *e)
{
	size_t i;

	(void)arg, (void)e;
	(void)printf("%s %s %d %s", b->key != NULL ? b->key : "-",
	    b->user != NULL ? b->user : "-", b->port, b->target);
	for (i = 0; i < b->nalias; i++)
		(void)printf(" %s", b->alias[i]);
	(void)putchar('\n');
	return (0);
}

static void
read_all(struct secret *out)
{
	char buf[65536];
	size_t n;

	while ((n = fread(buf, 1, sizeof(buf), stdin)) > 0)
		if (text_append(out, buf, n, INPUT_MAX) == -1)
			abort();
}

static int
play(const struct js *o, const char *what, struct err *e)
{
	const char *args[ARGS_MAX + 1] = { NULL };
	const struct js *at = js_at(o, "machines");
	struct machines l = MACHINES_INIT;
	struct secret out = SECRET_INIT;
	struct sshconf s = {
		.proxy = string(o, "settings.proxy", "/usr/bin/arc-relay-proxy"),
		.tool = string(o, "settings.tool", "/usr/bin/arc-relay"),
		.proxy_args = args,
		.made_by = js_string(o, "settings.made_by"),
		.user = js_string(o, "settings.user"),
		.user_tag = js_string(o, "settings.user_tag"),
		.identity_file = js_string(o, "settings.identity_file"),
		.known_hosts = string(o, "settings.known_hosts", "/home/me/.ssh/known_hosts.arc"),
		.cert_conf = string(o, "settings.cert_conf", "/home/me/cert.conf"),
		.port = number(o, "settings.port", 22),
		.connect_timeout_s = number(o, "settings.connect_timeout_s", 120),
		.entra = js_is_true(js_at(o, "settings.entra")),
		.mux = js_is_true(js_at(o, "settings.mux")),
		.bare = js_is_true(js_at(o, "settings.bare")),
		.wildcard = js_is_true(js_at(o, "settings.wildcard")),
	};
	int64_t began;
	size_t i;
	int rc;

	for (i = 0; i < js_count(js_at(o, "args")) && i < ARGS_MAX; i++)
		args[i] = string(js_item(js_at(o, "args"), i), "is", "");
	for (i = 0; i < js_count(at); i++)
		add_machine(&l, js_item(at, i));
	machines_sort(&l);
	began = clock_ms();
	if ((rc = sshconf_write(&s, &l, &out, note, NULL, e)) == 0 &&
	    strcmp(what, "time") == 0)
		(void)printf("%lld ms, %zu bytes\n",
		    (long long)(clock_ms() - began), out.len);
	else if (rc == 0 && strcmp(what, "read") == 0)
		rc = sshconf_read(out.data, out.len, show, NULL, e);
	else if (rc == 0)
		(void)fwrite(out.data, 1, out.len, stdout);
	secret_free(&out);
	machines_free(&l);
	return (rc);
}

int
main(int argc, char **argv)
{
	struct secret text = SECRET_INIT;
	char why[JS_WHY_MAX], line[ERR_LINE_MAX + 1];
	struct err e = ERR_INIT;
	struct js *o;
	int rc;

	read_all(&text);
	if ((o = js_parse(text.data, text.len, why)) == NULL) {
		(void)fprintf(stderr, "%s\n", why);
		return (EX_USAGE);
	}
	rc = play(o, argc > 1 ? argv[1] : "", &e);
	if (rc == -1)
		(void)fprintf(stderr, "%s\n", err_line(&e, "sshconf_play", NULL,
		    line, sizeof(line)));
	js_free(o);
	secret_free(&text);
	return (rc == 0 ? 0 : e.status);
}
