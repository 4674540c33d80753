/*
 * What the Azure CLI knows of its user, read from its files and never written:
 * $AZURE_CONFIG_DIR, else ~/.azure.
 */
#ifndef AUTH_AZPROFILE_H
#define AUTH_AZPROFILE_H

#include <stddef.h>

/* The default subscription of azureProfile.json; "" for what is not there. */
struct azprofile {
	char	user[160];	/* name, or client id of a service principal */
	char	type[24];	/* "user", "servicePrincipal" */
	char	tenant[80];
	char	cloud[64];	/* "AzureCloud" */
};

/*
 * Returns 0; or -1 with errno, which is ENODATA when nobody is logged in with
 * az, and else tells why its file cannot be used.
 */
int	 azprofile_load(struct azprofile *p);

/* The same from the text of that file.  Pure. */
int	 azprofile_parse(const char *text, size_t len, struct azprofile *p);

/*
 * Path of a file in its folder.  Returns 0; or -1: no HOME, too long, or the
 * folder is a relative name, which means another one wherever we are started.
 */
int	 azprofile_path(const char *name, char *out, size_t size);

#endif
