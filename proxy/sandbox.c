/*
 * A session that can only go on, see sandbox.h.
 *
 * Constants and structures of Landlock are our own: the headers may be older than
 * the kernel.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#include "proxy/sandbox.h"

#ifndef __has_feature
#define __has_feature(x)	0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
    __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAS_SANITIZERS	1
#else
#define HAS_SANITIZERS	0
#endif

#define NELEM(a)	(sizeof(a) / sizeof((a)[0]))

/* --- Landlock: files, new connections, signals --- */

#ifndef SYS_landlock_create_ruleset	/* everywhere the same */
#define SYS_landlock_create_ruleset	444
#define SYS_landlock_add_rule		445
#define SYS_landlock_restrict_self	446
#endif
#define ASK_VERSION	1U
#define PATH_BENEATH	1
#define FS_WRITE_FILE	(1ULL << 1)
#define FS_REMOVE_FILE	(1ULL << 5)	/* also by a rename over it */
#define FS_MAKE_REG	(1ULL << 8)
#define NET_TCP		3ULL		/* bind, connect */
#define SCOPE_ALL	3ULL		/* abstract sockets, signals */

/* Zeros that it does not know yet an older kernel takes. */
struct ruleset {
	uint64_t	fs;
	uint64_t	net;
	uint64_t	scoped;
};

struct beneath {
	uint64_t	allowed;
	int32_t		fd;
} __attribute__((packed));

/* What is denied unless a rule allows it, by version. */
static struct ruleset
all_of(int version)
{
	/* bits of files that each version has: the last is ioctl of devices */
	static const int bits[] = { 0, 13, 14, 15, 15, 16 };
	int n = version < (int)NELEM(bits) ? version : (int)NELEM(bits) - 1;

	return ((struct ruleset){ (1ULL << bits[n]) - 1,
	    version >= 4 ? NET_TCP : 0, version >= 6 ? SCOPE_ALL : 0 });
}

/* Returns 0; or -1 with errno. */
static int
landlock(int folder)
{
	int version = (int)syscall(SYS_landlock_create_ruleset, NULL, 0,
	    ASK_VERSION);
	struct ruleset all;
	struct beneath rule = { FS_WRITE_FILE | FS_REMOVE_FILE | FS_MAKE_REG,
	    folder };
	int fd, rc = 0, why;

	if (version < 1)
		return (-1);
	all = all_of(version);
	fd = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof(all), 0U);
	if (fd == -1)
		return (-1);
	if (folder != -1)
		rc = (int)syscall(SYS_landlock_add_rule, fd, PATH_BENEATH,
		    &rule, 0U);
	if (rc == 0)
		rc = (int)syscall(SYS_landlock_restrict_self, fd, 0U);
	why = errno;
	(void)close(fd);
	errno = why;
	return (rc);
}

/* --- seccomp: a table of system calls --- */

#if defined(__x86_64__) && !defined(__ILP32__)
#define ARCH	AUDIT_ARCH_X86_64
#elif defined(__aarch64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ARCH	AUDIT_ARCH_AARCH64
#endif

#ifdef ARCH

#define FOLDER	UINT32_MAX	/* as value: the descriptor of it */

/* argument & mask == value; a mask of 0 asks nothing.  All that are asked about
 * are int, of which the kernel too takes the lower half. */
struct condition {
	unsigned	arg;
	uint32_t	mask;
	uint32_t	value;
};

struct rule {
	uint32_t		nr;
	struct condition	when[2];
};

#define CALL(name)	{ .nr = SYS_##name }
#define CALL_IF(name, ...) \
	{ .nr = SYS_##name, .when = { __VA_ARGS__ } }
#define ARG(n, value)	{ n, UINT32_MAX, value }
#define NO_BIT(n, mask)	{ n, mask, 0 }

static const struct rule allowed[] = {
	CALL(ppoll), CALL(read), CALL(writev), CALL(write),
#ifdef SYS_poll
	CALL(poll),
#endif
	CALL(recvfrom), CALL(sendto), CALL(shutdown), CALL(close),
	CALL(restart_syscall), CALL(rt_sigreturn), CALL(rt_sigprocmask),
	CALL(clock_gettime), CALL(getrandom), CALL(getpid), CALL(gettid),

	/* memory */
	CALL(brk), CALL(munmap), CALL(madvise), CALL(mremap), CALL(futex),
	CALL_IF(mmap, NO_BIT(2, PROT_EXEC)),
	CALL_IF(mprotect, NO_BIT(2, PROT_EXEC)),

	/* is stderr a terminal?  and ssh's stdout as it was */
	CALL_IF(ioctl, ARG(1, TCGETS)),
	CALL_IF(fcntl, ARG(1, F_SETFL)),

	/* a file is made, and given the name of another */
	CALL_IF(openat, ARG(0, FOLDER), ARG(2, O_WRONLY | O_CREAT | O_EXCL |
	    O_NOFOLLOW | O_CLOEXEC)),
	CALL_IF(fchmod, ARG(1, 0600)),
#ifdef SYS_renameat
	CALL_IF(renameat, ARG(0, FOLDER), ARG(2, FOLDER)),
#else
	CALL_IF(renameat2, ARG(0, FOLDER), ARG(2, FOLDER)),
#endif
	CALL_IF(unlinkat, ARG(0, FOLDER), ARG(2, 0)),

	/* a thread that begins just now: the C library would give up */
#ifdef SYS_rseq
	CALL(rseq),
#endif
	CALL(set_robust_list),

	CALL(exit), CALL(exit_group),
};

/* Each instruction costs half a microsecond of a start, whatever it does. */
#define RULE_MAX	(1 + 2 * 3)	/* instructions, see put_rule */
#define PROGRAM_MAX	(3 + NELEM(allowed) * RULE_MAX + 2)
#define TO_DENIED	254		/* jumps that put_end makes true */
#define TO_ALLOWED	255

struct program {
	struct sock_filter	code[PROGRAM_MAX];
	unsigned short		n;
};

static void
put(struct program *p, uint16_t code, uint32_t k, uint8_t then, uint8_t or_else)
{
	p->code[p->n++] = (struct sock_filter)BPF_JUMP(code, k, then, or_else);
}

static void
put_load(struct program *p, size_t offset)
{
	put(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void
put_if_equal(struct program *p, uint32_t k, uint8_t then, uint8_t or_else)
{
	put(p, BPF_JMP | BPF_JEQ | BPF_K, k, then, or_else);
}

/* No two rules have the same number. */
static void
put_rule(struct program *p, const struct rule *r, int folder)
{
	unsigned short start = p->n;
	size_t i, n = 0;

	while (n < NELEM(r->when) && r->when[n].mask != 0)
		n++;
	put_if_equal(p, r->nr, n == 0 ? TO_ALLOWED : 0, 0);
	for (i = 0; i < n; i++) {
		const struct condition *c = &r->when[i];

		put_load(p, offsetof(struct seccomp_data, args) +
		    c->arg * sizeof(uint64_t));
		if (c->mask != UINT32_MAX)
			put(p, BPF_ALU | BPF_AND | BPF_K, c->mask, 0, 0);
		put_if_equal(p, c->value == FOLDER ? (uint32_t)folder :
		    c->value, i + 1 == n ? TO_ALLOWED : 0, TO_DENIED);
	}
	p->code[start].jf = (uint8_t)(p->n - start - 1);
}

/* The end, to which all jumps lead. */
static void
put_end(struct program *p)
{
	unsigned short denied = p->n, allow = p->n + 1, i;

	/* as an older kernel says of a call that it does not have: whoever makes
	 * a new one knows how to go on */
	put(p, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS, 0, 0);
	put(p, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
	for (i = 0; i < denied; i++) {
		if (p->code[i].jt == TO_ALLOWED)
			p->code[i].jt = (uint8_t)(allow - i - 1);
		if (p->code[i].jf == TO_DENIED)
			p->code[i].jf = (uint8_t)(denied - i - 1);
	}
}

static bool
is_of_folder(const struct rule *r)
{
	return (r->when[0].mask != 0 && r->when[0].value == FOLDER);
}

/* Returns 0; or -1 with errno. */
static int
seccomp(int folder)
{
	struct program p = { .n = 0 };
	struct sock_fprog whole = { .filter = p.code };
	size_t i;
	long rc;

	put_load(&p, offsetof(struct seccomp_data, arch));
	put_if_equal(&p, ARCH, 0, TO_DENIED);
	put_load(&p, offsetof(struct seccomp_data, nr));
	for (i = 0; i < NELEM(allowed); i++)
		if (folder != -1 || !is_of_folder(&allowed[i]))
			put_rule(&p, &allowed[i], folder);
	put_end(&p);
	whole.len = p.n;

	/* no code of others runs in here: mitigations for that would only make
	 * it slower */
	rc = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
	    SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_SPEC_ALLOW, &whole);
	if (rc > 0)		/* a thread that has a filter of its own */
		errno = EBUSY;
	return (rc == 0 ? 0 : -1);
}

#else	/* no table for this machine */

static int
seccomp(int folder)
{
	(void)folder;
	errno = ENOSYS;
	return (-1);
}

#endif

/* "seccomp", or why there is none. */
static const char *
result(bool holds, const char *name, char *out, size_t size)
{
	if (holds)
		return (name);
	(void)snprintf(out, size, "no %s (%.30s)", name, strerror(errno));
	return (out);
}

bool
sandbox_enter(int folder, char what[SANDBOX_TEXT])
{
	const char *preload = getenv("LD_PRELOAD"), *files, *calls;
	char no_files[48], no_calls[48];
	bool first, second;

	if (HAS_SANITIZERS || (preload != NULL && preload[0] != '\0')) {
		(void)snprintf(what, SANDBOX_TEXT, "none with %s",
		    HAS_SANITIZERS ? "sanitizers" : "LD_PRELOAD");
		return (false);
	}
	/* both want it, and say so themselves without */
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	first = landlock(folder) != -1;
	files = result(first, "Landlock", no_files, sizeof(no_files));
	second = seccomp(folder) == 0;
	calls = result(second, "seccomp", no_calls, sizeof(no_calls));
	(void)snprintf(what, SANDBOX_TEXT, "%s, %s", files, calls);
	return (first && second);
}
