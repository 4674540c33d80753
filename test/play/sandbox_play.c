/*
 * Plays a session that somebody has taken over, for test/e2e/sandbox_test.py.
 *	sandbox_play FOLDER SECRET PORT
 *		enters the sandbox with FOLDER, and then tries what nobody may:
 *		among others to read the file SECRET and to connect to PORT of
 *		127.0.0.1.  Prints WHAT NAME-OF-ERRNO, or WHAT done.
 * The first line is what sandbox_enter says.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "proxy/sandbox.h"

#define NEW	(O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC)

/* All that did well says "done". */
static void
tell(const char *what, long rc)
{
	(void)printf("%s %s\n", what, rc != -1 ? "done" :
	    strerrorname_np(errno));
	(void)fflush(stdout);
}

/* One that is there before, and goes on when go is closed. */
struct helper {
	pthread_t	 thread;
	int		 go[2];
	const char	*secret;
};

static void *
help(void *arg)
{
	struct helper *h = arg;
	char byte;

	(void)!read(h->go[0], &byte, 1);
	tell("thread", open(h->secret, O_RDONLY));
	return (NULL);
}

static void
try_files(int folder, const char *secret)
{
	char beside[1024];

	(void)snprintf(beside, sizeof(beside), "%s.new", secret);
	tell("read", open(secret, O_RDONLY));
	tell("write", open(secret, O_WRONLY));
	tell("make", open(beside, NEW, 0600));
	/* as in the folder, but elsewhere: an absolute path has no folder */
	tell("make-elsewhere", openat(folder, beside, NEW, 0600));
	tell("make-above", openat(folder, "../new", NEW, 0600));
	tell("remove", unlink(secret));
	tell("remove-elsewhere", unlinkat(folder, secret, 0));
	tell("rename", rename(secret, beside));
	tell("rename-elsewhere", renameat(folder, secret, folder, "stolen"));
	tell("link", linkat(AT_FDCWD, secret, folder, "stolen", 0));
	tell("folder", mkdirat(folder, "sub", 0700));
	tell("chmod", fchmod(folder, 0777));
	tell("read-folder", openat(folder, "kept", O_RDONLY));
	tell("list", openat(folder, ".", O_RDONLY | O_DIRECTORY));
	tell("stat", access(secret, F_OK));
}

static void
try_others(int parent)
{
	char byte;
	struct iovec here = { &byte, 1 }, there = { &byte, 1 };
	pid_t child;

	tell("kill", kill(parent, 0));
	tell("trace", ptrace(PTRACE_ATTACH, parent, NULL, NULL));
	tell("peek", process_vm_readv(parent, &here, 1, &there, 1, 0));
	if ((child = fork()) == 0)
		_exit(0);
	tell("fork", child);
	tell("run", execl("/bin/true", "true", (char *)NULL));
	tell("run-ours", execl("/proc/self/exe", "sandbox_play", (char *)NULL));
	tell("dumps", prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
	tell("user", setuid(geteuid()));
	tell("type", ioctl(STDIN_FILENO, TIOCSTI, "x"));
}

static void
try_code(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	tell("memory", page == MAP_FAILED ? -1 : 0);
	tell("code", mprotect(page, 4096, PROT_READ | PROT_EXEC));
	tell("new-code", (long)mmap(NULL, 4096, PROT_READ | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	tell("file-of-memory", (long)syscall(SYS_memfd_create, "x", 0U));
}

#ifdef __x86_64__

static sigjmp_buf no_i386;

static void
on_fault(int number)
{
	siglongjmp(no_i386, number);
}

/* The numbers of i386: 39 is mkdir, and getpid to a table of x86_64. */
static void
try_i386(void)
{
	long rc;

	if (sigsetjmp(no_i386, 1) == 0) {
		__asm__ volatile ("int $0x80" : "=a" (rc) : "a" (39L),
		    "b" (0L), "c" (0L) : "memory", "r8", "r9", "r10", "r11");
		errno = (int)-rc;
	} else			/* a kernel that does not have them */
		errno = ENOSYS;
	tell("i386", -1);
}

#else

static void
try_i386(void)
{
	errno = ENOSYS;
	tell("i386", -1);
}

#endif

static void
try_network(int before, int port)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
	    .sin_port = htons((uint16_t)port),
	    .sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct sockaddr_in any = { .sin_family = AF_INET,
	    .sin_addr = { htonl(INADDR_LOOPBACK) } };

	tell("socket", socket(AF_INET, SOCK_STREAM, 0));
	tell("connect", connect(before, (struct sockaddr *)&to, sizeof(to)));
	tell("bind", bind(before, (struct sockaddr *)&any, sizeof(any)));
	tell("listen", listen(before, 1));
}

/* What is allowed: a file is made and takes the name of another. */
static void
keep(int folder)
{
	int fd = openat(folder, "temp", NEW, 0600);

	tell("new", fd);
	tell("mode", fchmod(fd, 0600));
	tell("put", write(fd, "new", 3));
	(void)close(fd);
	tell("replace", renameat(folder, "temp", folder, "kept"));
	tell("new-again", openat(folder, "temp", NEW, 0600));
	tell("drop", unlinkat(folder, "temp", 0));
}

int
main(int argc, char **argv)
{
	int folder, before = socket(AF_INET, SOCK_STREAM, 0);
	int parent = getppid();
	char what[SANDBOX_TEXT];
	struct helper h;

	if (argc != 4 || (folder = open(argv[1], O_RDONLY | O_DIRECTORY |
	    O_CLOEXEC)) == -1 || pipe(h.go) == -1)
		return (2);
	h.secret = argv[2];
#ifdef __x86_64__
	(void)signal(SIGSEGV, on_fault);
#endif
	if (pthread_create(&h.thread, NULL, help, &h) != 0)
		return (2);
	(void)sandbox_enter(folder, what);
	(void)puts(what);
	(void)close(h.go[1]);
	(void)pthread_join(h.thread, NULL);
	try_files(folder, argv[2]);
	try_network(before, atoi(argv[3]));
	try_others(parent);
	try_code();
	try_i386();
	keep(folder);
	return (0);
}
