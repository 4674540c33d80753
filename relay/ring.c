/*
 * The memory of a ring, see ring.h.
 */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "relay/err.h"
#include "relay/ring.h"

int
ring_init(struct ring *r, size_t size, struct err *e)
{
	uint8_t *base = MAP_FAILED;
	int fd, rc = -1;

	assert(size > 0 && (size & (size - 1)) == 0 &&
	    size % (size_t)sysconf(_SC_PAGESIZE) == 0);
	if ((fd = memfd_create("ring", MFD_CLOEXEC)) == -1 ||
	    ftruncate(fd, (off_t)size) == -1)
		goto out;

	/* reserve the addresses, then put the same pages there twice */
	base = mmap(NULL, 2 * size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
	    0);
	if (base == MAP_FAILED)
		goto out;
	if (mmap(base, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
	    fd, 0) == MAP_FAILED ||
	    mmap(base + size, size, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED)
		goto out;

	*r = (struct ring){ .base = base, .size = size };
	rc = 0;
 out:
	if (rc == -1) {
		err_sys(e, EX_OSERR, "", "cannot map a buffer of %zu bytes",
		    size);
		if (base != MAP_FAILED)
			(void)munmap(base, 2 * size);
	}
	if (fd != -1)
		(void)close(fd);	/* the mappings keep the memory */
	return (rc);
}

void
ring_free(struct ring *r)
{
	if (r->base != NULL)
		(void)munmap(r->base, 2 * r->size);
	*r = (struct ring)RING_INIT;
}
