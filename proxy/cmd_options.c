/*
 * What the verbs have in common, see cmd_options.h.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "auth/cache.h"
#include "auth/cloud.h"
#include "auth/identity.h"
#include "auth/json.h"
#include "auth/names.h"
#include "proxy/cmd_options.h"
#include "proxy/renew.h"
#include "relay/err.h"
#include "relay/log.h"

#define COLUMNS	79

/* How often the option of that name was given. */
static int
given(const struct option_row *table, const struct options *o,
    const char *name)
{
	int i;

	for (i = 0; table[i].name != NULL; i++)
		if (strcmp(table[i].name, name) == 0)
			return (o->count[i]);
	return (0);
}

int
cmd_parse(const struct option_row *table, const char *usage, const char *about,
    int argc, char **argv, struct options *o, struct err *e)
{
	int verbose;

	if (options_parse(table, argc, argv, o, e) == -1)
		return (-1);
	if (given(table, o, "help") > 0) {
		printf("usage: arc-relay %s\n\n", usage);
		options_help(table, stdout);
		if (about != NULL)
			printf("\n%s", about);
		return (1);
	}
	verbose = given(table, o, "verbose");
	log_init("arc-relay", verbose > 1 ? LOG_DEBUG :
	    verbose == 1 ? LOG_VERBOSE : LOG_QUIET, false);
	return (0);
}

void
cmd_print_words(size_t column, size_t indent, const char *text)
{
	bool first = true;
	size_t len;

	for (; *text != '\0'; text += len + (text[len] == ' '), first = false) {
		len = strcspn(text, " ");
		if (!first && column + 1 + len > COLUMNS)
			column = (size_t)printf("\n%*s", (int)indent, "") - 1;
		else if (!first)
			column += (size_t)printf(" ");
		column += (size_t)printf("%.*s", (int)len, text);
	}
	printf("\n");
}

int
cmd_print_json(struct js *j, bool whole, struct err *e)
{
	int rc = 0;

	if (!whole)
		rc = err_set(e, EX_OSERR, "", "out of memory, or a text that "
		    "is not UTF-8");
	else if (js_print(j, stdout) == -1 || putchar('\n') == EOF)
		rc = err_sys(e, EX_IOERR, "", "cannot write to stdout");
	js_free(j);
	return (rc);
}

void
cmd_array_add(struct cmd_array *a, struct js *j, bool whole)
{
	if (!whole)
		a->incomplete = true;
	else {
		(void)fputs(a->n == 0 ? "[" : ",\n ", stdout);
		if (js_print(j, stdout) == -1)
			a->incomplete = true;
		a->n++;
	}
	js_free(j);
}

int
cmd_array_end(const struct cmd_array *a, struct err *e)
{
	(void)puts(a->n == 0 ? "[]" : "]");
	if (ferror(stdout))
		return (err_sys(e, EX_IOERR, "", "cannot write to stdout"));
	return (a->incomplete ? err_set(e, EX_OSERR, "", "out of memory") : 0);
}

/* A year that no calendar has is shown as the number. */
static const char *
or_number(size_t len, int64_t t, char out[CMD_TIME_MAX])
{
	if (len == 0)
		(void)snprintf(out, CMD_TIME_MAX, "%lld", (long long)t);
	return (out);
}

const char *
cmd_utc(int64_t t, char out[CMD_TIME_MAX])
{
	time_t when = (time_t)t;
	struct tm tm;

	return (or_number(gmtime_r(&when, &tm) == NULL ? 0 : strftime(out,
	    CMD_TIME_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm), t, out));
}

const char *
cmd_local(int64_t t, char out[CMD_TIME_MAX])
{
	time_t when = (time_t)t;
	struct tm tm;

	return (or_number(localtime_r(&when, &tm) == NULL ? 0 : strftime(out,
	    CMD_TIME_MAX, "%Y-%m-%d %H:%M:%S %Z", &tm), t, out));
}

int
cmd_cloud(const struct options *o, struct cloud *c, struct err *e)
{
	if (o->value[CMD_CLOUD] != NULL && o->value[CMD_CLOUD_FILE] != NULL)
		return (err_set(e, EX_USAGE, "",
		    "--cloud and --cloud-file exclude each other"));
	if (cloud_load(c, o->value[CMD_CLOUD], o->value[CMD_CLOUD_FILE],
	    e) == -1)
		return (-1);
	return (cloud_network(c, o->value[CMD_CA_FILE], o->value[CMD_PROXY],
	    o->value[CMD_PROXY_AUTH_FILE], e));
}

void
cmd_renew_names(const struct options *o, const struct cloud *c,
    const char *credential, long age_s)
{
	const struct renew how = {
		.cloud = o->value[CMD_CLOUD],
		.cloud_file = o->value[CMD_CLOUD_FILE],
		.ca_file = o->value[CMD_CA_FILE],
		.proxy = o->value[CMD_PROXY],
		.proxy_auth_file = o->value[CMD_PROXY_AUTH_FILE],
		.credential = credential,
	};
	char identity[SHA256_HEX + 1];
	struct cache cache;

	if (age_s <= NAMES_FRESH_S)
		return;
	identity_hash(c, credential, NULL, identity);
	cache_open(&cache);
	renew_names(&cache, identity, age_s, &how);
	cache_close(&cache);
}
