/*
 * Growing and quoting text, see text.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/text.h"
#include "relay/secret.h"

/* Room for len bytes and a NUL: twice as much each time, or megabytes are copied often. */
static int
grow(struct secret *s, size_t len, size_t max)
{
	size_t room = secret_size(s->data);
	char *bigger;

	if (room > len)
		return (0);
	room = room > max / 2 ? max + 1 : 2 * room;
	if ((bigger = secret_realloc(s->data, room > len ? room :
	    len + 1)) == NULL)
		return (-1);
	s->data = bigger;
	return (0);
}

int
text_append(struct secret *s, const void *data, size_t len, size_t max)
{
	if (len > max || s->len > max - len || max == SIZE_MAX ||
	    grow(s, s->len + len, max) == -1)
		return (-1);
	if (len > 0)
		memcpy(s->data + s->len, data, len);
	s->len += len;
	s->data[s->len] = '\0';
	return (0);
}

static bool
is_alnum(char c)
{
	return ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9'));
}

int
text_percent(struct secret *s, const char *string, const char *keep)
{
	static const char hex[] = "0123456789ABCDEF";
	char quoted[3] = "%";

	for (; *string != '\0'; string++) {
		unsigned char c = (unsigned char)*string;
		bool plain = is_alnum(*string) || strchr("-._~", c) != NULL ||
		    strchr(keep, c) != NULL;

		quoted[1] = hex[c >> 4];
		quoted[2] = hex[c & 15];
		if (text_append(s, plain ? string : quoted, plain ? 1 : 3,
		    SIZE_MAX - 1) == -1)
			return (-1);
	}
	return (0);
}

void
text_lower(char *string)
{
	for (; *string != '\0'; string++)
		if (*string >= 'A' && *string <= 'Z')
			*string += 'a' - 'A';
}

bool
text_only(const char *string, const char *also)
{
	for (; *string != '\0'; string++)
		if (!is_alnum(*string) && strchr(also, *string) == NULL)
			return (false);
	return (true);
}

bool
text_is_visible(const char *data, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (data[i] <= 0x20 || data[i] > 0x7e)
			return (false);
	return (len > 0);
}

int
text_read_file(const char *path, size_t max, struct secret *out)
{
	char buf[4096];
	ssize_t n = -1;
	int fd;

	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		return (-1);
	secret_free(out);
	while ((n = read(fd, buf, sizeof(buf))) != 0) {
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 || text_append(out, buf, (size_t)n, max) == -1)
			break;
	}
	secret_wipe(buf, sizeof(buf));
	if (n > 0)
		errno = EFBIG;
	if (n != 0)
		secret_free(out);
	(void)close(fd);	/* read only: nothing to lose; keeps errno */
	return (n == 0 ? 0 : -1);
}

/* In one piece: to grow by steps would copy megabytes many times. */
static int
read_sized(int fd, size_t size, struct secret *out)
{
	ssize_t n = 1;

	secret_free(out);
	if ((out->data = secret_malloc(size + 1)) == NULL)
		return (-1);
	while (out->len < size && n != 0) {
		n = read(fd, out->data + out->len, size - out->len);
		if (n > 0)
			out->len += (size_t)n;
		else if (n == -1 && errno != EINTR) {
			secret_free(out);
			return (-1);
		}
	}
	out->data[out->len] = '\0';
	return (0);
}

int
text_read_regular(const char *path, size_t max, bool ours, struct secret *out)
{
	/* a FIFO would hold us in open */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	int rc = -1;

	if (fd == -1)
		return (-1);
	if (fstat(fd, &st) == 0) {
		if (!S_ISREG(st.st_mode))
			errno = EINVAL;
		else if (ours && ((st.st_uid != geteuid() && st.st_uid != 0) ||
		    (st.st_mode & (S_IWGRP | S_IWOTH)) != 0))
			errno = EPERM;
		else if ((uintmax_t)st.st_size > max)
			errno = EFBIG;
		else
			rc = read_sized(fd, (size_t)st.st_size, out);
	}
	(void)close(fd);
	return (rc);
}

int
text_read_whole(int fd, size_t size, struct secret *out)
{
	ssize_t n = 1;

	secret_free(out);
	if ((out->data = secret_malloc(size + 1)) == NULL)
		return (-1);
	while (out->len <= size && n != 0) {
		n = read(fd, out->data + out->len, size + 1 - out->len);
		if (n == -1 && errno != EINTR)
			break;
		if (n > 0)
			out->len += (size_t)n;
	}
	if (n == 0 && out->len == size) {
		out->data[size] = '\0';
		return (0);
	}
	if (n != -1)
		errno = EBUSY;
	secret_free(out);
	return (-1);
}

int
text_write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return (-1);
		data += n;
		len -= (size_t)n;
	}
	return (0);
}
