/*
 * Clouds that are not built in, from files of the user.
 */
#ifndef AUTH_CLOUD_FILE_H
#define AUTH_CLOUD_FILE_H

#include <stddef.h>

struct cloud;
struct err;

/*
 * The cloud that a JSON file describes (arc-relay(1), CLOUD FILE).  The file must
 * be one that nobody else can write: it says where tokens go.
 * Returns 0, or -1 with EX_NOINPUT, EX_DATAERR or EX_CONFIG.
 */
int	 cloud_file_read(struct cloud *c, const char *path, struct err *e);

/*
 * The cloud that was made known to the Azure CLI under that name (any case):
 * az cloud register.  Returns 0; 1 if there is none; or -1 as above.
 */
int	 cloud_file_azure_cli(struct cloud *c, const char *name, struct err *e);

/* The names of all of those, each after ", "; as many as there is room for. */
void	 cloud_file_azure_cli_names(char *out, size_t size);

#endif
