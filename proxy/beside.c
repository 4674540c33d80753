/*
 * The program next to ours, see beside.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/beside.h"

void
beside_find(const char *program, const char *variable, char path[BESIDE_MAX])
{
	const char *set = variable != NULL ? getenv(variable) : NULL;
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (set != NULL && set[0] != '\0') {
		(void)snprintf(path, BESIDE_MAX, "%s", set);
		return;
	}
	self[n > 0 ? n : 0] = '\0';
	if ((slash = strrchr(self, '/')) != NULL) {
		slash[1] = '\0';
		(void)snprintf(path, BESIDE_MAX, "%s%s", self, program);
		if (access(path, X_OK) == 0)
			return;
	}
	(void)snprintf(path, BESIDE_MAX, BINDIR "/%s", program);
}
