/*
 * The crash handler of a worker.
 *
 * In order: the essentials, by nothing but write(); then the stack's
 * addresses, each with the file it lies in, from /proc/self/maps; last the
 * names the dynamic linker knows.  Unwinding and names take locks that the
 * crashed code may hold, so by then an alarm is set that ends the process,
 * and a second fault ends it at once.  Whatever came out until then counts.
 */
#include "cluster/crash.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "base/log.h"
#include "base/parse.h"
#include "cluster/child.h"

#define FRAMES_MAX 64
#define STACK_BYTES (128u << 10)
/* Seconds that unwinding and names may take. */
#define PATIENCE 5
/* Likewise finding the lines and telling the master. */
#define HELPER_PATIENCE 15
/* A fault this close to the stack pointer is the stack's own end: what lies
 * there is mapped unless it is the guard. */
#define NEAR_STACK (1 << 20)

static struct {
	int fd;
	bool (*where)(struct crash_where *);
	bool installed;
	char *const *volatile helper;
} crash = { .fd = -1 };

void crash_set_helper(char *const *argv)
{
	crash.helper = argv;
}

/* ---- text without stdio ---- */

struct out {
	char text[512];
	size_t len;
};

static void put_text(struct out *o, const char *text)
{
	while (*text != '\0' && o->len < sizeof o->text - 1) {
		/* One line each, whatever a name holds. */
		o->text[o->len++] = *text == '\n' ? ' ' : *text;
		text++;
	}
}

static void put_number(struct out *o, uint64_t n, unsigned base)
{
	char digits[24];
	size_t i = sizeof digits;

	digits[--i] = '\0';
	do {
		digits[--i] = "0123456789abcdef"[n % base];
		n /= base;
	} while (n != 0);
	put_text(o, base == 16 ? "0x" : "");
	put_text(o, digits + i);
}

static void flush_line(struct out *o)
{
	size_t done = 0;

	o->text[o->len++] = '\n';
	while (done < o->len) {
		ssize_t n = write(crash.fd, o->text + done, o->len - done);

		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	o->len = 0;
}

static void put_line(struct out *o, const char *key, const char *value)
{
	if (value == NULL)
		return;
	put_text(o, key);
	put_text(o, " ");
	put_text(o, value);
	flush_line(o);
}

/* ---- where an address lies ---- */

/* One mapping of a file: an address within belongs to it. */
struct mapping {
	uint64_t start;
	uint64_t end;
	uint64_t base;                  /* where the file's first byte is */
	char path[400];
};

struct maps {
	int fd;
	char data[4096];
	size_t len;
	size_t at;
};

static int next_char(struct maps *m)
{
	if (m->at == m->len) {
		ssize_t n = read(m->fd, m->data, sizeof m->data);

		if (n <= 0)
			return -1;
		m->len = (size_t)n;
		m->at = 0;
	}
	return (unsigned char)m->data[m->at++];
}

static uint64_t read_hex(struct maps *m)
{
	uint64_t n = 0;

	for (;;) {
		int c = next_char(m);

		if (c >= '0' && c <= '9')
			n = n << 4 | (unsigned)(c - '0');
		else if (c >= 'a' && c <= 'f')
			n = n << 4 | (unsigned)(c - 'a' + 10);
		else
			return n;
	}
}

static int skip_word(struct maps *m)
{
	int c;

	do {
		c = next_char(m);
	} while (c != ' ' && c != '\n' && c != -1);
	return c;
}

/* "start-end perms offset device inode path"; false at the end. */
static bool next_mapping(struct maps *m, struct mapping *map)
{
	uint64_t offset;
	size_t n = 0;
	int c;

	map->start = read_hex(m);
	map->end = read_hex(m);
	if (map->end == 0)
		return false;
	skip_word(m);
	offset = read_hex(m);
	map->base = map->start - offset;
	skip_word(m);
	c = skip_word(m);
	while (c == ' ')
		c = next_char(m);
	while (c != '\n' && c != -1) {
		if (n < sizeof map->path - 1)
			map->path[n++] = (char)c;
		c = next_char(m);
	}
	map->path[n] = '\0';
	return true;
}

/*
 * The mapping of `address`.  Its base is where the file's first mapping
 * starts, from which symbols count.
 */
static bool find_mapping(uint64_t address, struct mapping *found)
{
	static struct maps maps;
	static struct mapping map;
	uint64_t base = 0;
	bool hit = false;

	maps.len = maps.at = 0;
	maps.fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	if (maps.fd == -1)
		return false;
	while (!hit && next_mapping(&maps, &map)) {
		if (map.base == map.start && map.path[0] == '/')
			base = map.start;
		if (address < map.start || address >= map.end)
			continue;
		hit = map.path[0] == '/';
		*found = map;
		found->base = base;
		break;
	}
	close(maps.fd);
	return hit;
}

/* ---- the handler ---- */

static const char *signal_name(int sig)
{
	switch (sig) {
	case SIGSEGV:
		return "SIGSEGV";
	case SIGBUS:
		return "SIGBUS";
	case SIGFPE:
		return "SIGFPE";
	case SIGILL:
		return "SIGILL";
	default:
		return "SIGABRT";
	}
}

#if defined(__x86_64__)
#define CONTEXT_PC(u) ((uint64_t)(u)->uc_mcontext.gregs[REG_RIP])
#define CONTEXT_SP(u) ((uint64_t)(u)->uc_mcontext.gregs[REG_RSP])
#elif defined(__aarch64__)
#define CONTEXT_PC(u) ((uint64_t)(u)->uc_mcontext.pc)
#define CONTEXT_SP(u) ((uint64_t)(u)->uc_mcontext.sp)
#else
#define CONTEXT_PC(u) ((void)(u), UINT64_C(0))
#define CONTEXT_SP(u) ((void)(u), UINT64_C(0))
#endif

static void put_essentials(struct out *o, int sig, const siginfo_t *info,
    const ucontext_t *context)
{
	uint64_t address = (uint64_t)(uintptr_t)info->si_addr;
	uint64_t sp = CONTEXT_SP(context);
	struct crash_where where = { 0 };

	put_line(o, "signal", signal_name(sig));
	/* An address means nothing when kill() or abort() sent it. */
	if (info->si_code > 0) {
		put_text(o, "address ");
		put_number(o, address, 16);
		flush_line(o);
	}
	if (info->si_code > 0 && sig != SIGFPE && sp != 0 &&
	    address + NEAR_STACK > sp && address < sp + NEAR_STACK)
		put_line(o, "overflow", "stack");
	/* Users run on the main thread; others are some library's. */
	if (gettid() != getpid()) {
		put_line(o, "thread", "other");
		return;
	}
	if (crash.where == NULL || !crash.where(&where))
		return;
	put_line(o, "module", where.module);
	put_line(o, "class", where.user_class);
	put_line(o, "task", where.task);
	put_text(o, "user ");
	put_number(o, where.user, 10);
	flush_line(o);
}

static void put_frame(struct out *o, void *address)
{
	static struct mapping map;
	uint64_t at = (uint64_t)(uintptr_t)address;

	put_text(o, "frame ");
	if (find_mapping(at, &map)) {
		put_number(o, at - map.base, 16);
		put_text(o, " ");
		put_text(o, map.path);
	} else {
		put_number(o, at, 16);
		put_text(o, " ?");
	}
	flush_line(o);
}

/* The name of the function, where the dynamic linker knows it. */
static void put_name(struct out *o, int i, void *address)
{
	Dl_info info;

	if (dladdr(address, &info) == 0 || info.dli_sname == NULL)
		return;
	put_text(o, "name ");
	put_number(o, (uint64_t)i, 10);
	put_text(o, " ");
	put_text(o, info.dli_sname);
	put_text(o, "+");
	put_number(o, (uint64_t)((char *)address - (char *)info.dli_saddr),
	    16);
	flush_line(o);
}

/* The frames above the handler's own: from where it happened. */
static void put_stack(struct out *o, const ucontext_t *context)
{
	static void *frames[FRAMES_MAX];
	void *pc = (void *)(uintptr_t)CONTEXT_PC(context);
	int count = backtrace(frames, FRAMES_MAX);
	int first = 0;

	while (first < count && frames[first] != pc)
		first++;
	if (first == count) {
		/* A jump into nowhere: that address, then who jumped (behind
		 * this function, the handler and the signal's frame). */
		put_frame(o, pc);
		first = count < 3 ? count : 3;
	}
	for (int i = first; i < count; i++)
		put_frame(o, frames[i]);
	for (int i = first; i < count; i++)
		put_name(o, i - first, frames[i]);
}

/* ---- the helper ---- */

static _Noreturn void become_helper(int fd)
{
	sigset_t none;

	alarm(0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	dup2(fd, STDIN_FILENO);
	close_range(3, UINT_MAX, CLOSE_RANGE_CLOEXEC);
	execv("/proc/self/exe", crash.helper);
	_exit(127);
}

/* Its process, which reads what goes to crash.fd; -1 when there is none. */
static pid_t start_helper(void)
{
	int fds[2];
	pid_t pid;

	if (crash.helper == NULL || pipe2(fds, O_CLOEXEC) == -1)
		return -1;
	pid = _Fork();
	if (pid == 0)
		become_helper(fds[0]);
	close(fds[0]);
	if (pid == -1)
		close(fds[1]);
	else
		crash.fd = fds[1];
	return pid;
}

static void wait_helper(pid_t pid)
{
	const struct timespec pause = { .tv_nsec = 20000000 };

	if (pid == -1)
		return;
	close(crash.fd);
	alarm(0);
	for (int i = 0; i < HELPER_PATIENCE * 50 &&
	    waitpid(pid, NULL, WNOHANG) == 0; i++)
		nanosleep(&pause, NULL);
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
	static struct out out;
	pid_t helper = start_helper();

	out.len = 0;
	put_line(&out, "crash", "1");
	put_essentials(&out, sig, info, context);
	signal(SIGALRM, SIG_DFL);
	alarm(PATIENCE);
	put_stack(&out, context);
	put_line(&out, "end", "");
	wait_helper(helper);
	/* The handler is gone (SA_RESETHAND): after the return the fault, or
	 * this, ends the process with the same signal and a true core. */
	syscall(SYS_tgkill, getpid(), gettid(), sig);
}

/* The descriptor the master gave, not to be inherited further. */
static int inherited_fd(void)
{
	const char *text = getenv(CHILD_CRASH_ENV);
	int64_t fd;

	if (text == NULL || parse_int64(text, 3, 1 << 20, &fd) == -1 ||
	    fcntl((int)fd, F_SETFD, FD_CLOEXEC) == -1)
		return STDERR_FILENO;
	unsetenv(CHILD_CRASH_ENV);
	return (int)fd;
}

static int use_own_stack(void)
{
	stack_t stack = { .ss_size = STACK_BYTES };

	stack.ss_sp = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (stack.ss_sp == MAP_FAILED)
		return -1;
	return sigaltstack(&stack, NULL);
}

void crash_init(bool (*where)(struct crash_where *))
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL,
		SIGABRT };
	struct sigaction action = { .sa_sigaction = on_fault,
		.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESETHAND };
	void *frames[4];

	if (where != NULL)
		crash.where = where;
	if (crash.installed)
		return;
	crash.installed = true;
	crash.fd = inherited_fd();
	/* The first call loads the unwinder, which takes memory. */
	backtrace(frames, 4);
	if (use_own_stack() == -1)
		log_warn("cannot make a stack for crash reports: %m");
	sigfillset(&action.sa_mask);
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
		/* A fault in the handler must end the process. */
		sigdelset(&action.sa_mask, signals[i]);
	}
	sigdelset(&action.sa_mask, SIGALRM);
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
		sigaction(signals[i], &action, NULL);
}
