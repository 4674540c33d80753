/*
 * arc-relay version
 */
#include <stdbool.h>
#include <stdio.h>

#include "auth/http.h"
#include "auth/json.h"
#include "proxy/cmd.h"
#include "proxy/cmd_options.h"
#include "relay/crypto.h"
#include "relay/err.h"

static const struct option_row table[] = {
	{ 0, "json", NULL, "one JSON object", 0 },
	CMD_LAST_ROWS
};
enum { O_JSON };

static int
print_json(struct err *e)
{
	struct js *j = js_object();
	bool failed;

	failed = js_set_string(j, "arc-relay", VERSION) == -1 ||
	    js_set_string(j, "libcurl", http_version()) == -1 ||
	    js_set_string(j, "jansson", js_version()) == -1 ||
	    js_set_string(j, "mbedtls", crypto_version()) == -1;
	return (cmd_print_json(j, !failed, e));
}

int
cmd_version(int argc, char **argv, struct err *e)
{
	struct options o;
	int rc;

	if ((rc = cmd_parse(table, "version [--json]", NULL, argc, argv, &o,
	    e)) != 0)
		return (rc == 1 ? 0 : -1);
	if (o.nrest > 0)
		return (err_set(e, EX_USAGE, "", "version takes no argument"));
	if (o.value[O_JSON] != NULL)
		return (print_json(e));
	printf("arc-relay " VERSION "\n%s\njansson/%s mbedtls/%s\n",
	    http_version(), js_version(), crypto_version());
	return (0);
}
