/* See the header. */
#include "user/begun.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct begun {
	_Atomic uint8_t at[BEGUN_EVENTS];
};

static struct begun *map(int fd)
{
	void *at = mmap(NULL, sizeof(struct begun), PROT_READ | PROT_WRITE,
	    MAP_SHARED, fd, 0);

	return at != MAP_FAILED ? at : NULL;
}

int begun_new(struct begun **out)
{
	int fd = memfd_create("swarm-begun", MFD_CLOEXEC);

	*out = NULL;
	if (fd != -1 && ftruncate(fd, sizeof(struct begun)) == 0)
		*out = map(fd);
	if (*out == NULL && fd != -1)
		close(fd);
	return *out != NULL ? fd : -1;
}

struct begun *begun_open(int fd)
{
	struct stat s;

	if (fstat(fd, &s) == -1 || !S_ISREG(s.st_mode) ||
	    s.st_size != sizeof(struct begun))
		return NULL;
	return map(fd);
}

void begun_free(struct begun *b)
{
	if (b != NULL)
		munmap(b, sizeof *b);
}

/* Never 0, which is what nobody has written. */
static uint8_t turn(uint64_t number)
{
	return (uint8_t)(number / BEGUN_EVENTS % 255 + 1);
}

void begun_mark(struct begun *b, uint64_t number)
{
	atomic_store_explicit(&b->at[number % BEGUN_EVENTS], turn(number),
	    memory_order_release);
}

bool begun_has(const struct begun *b, uint64_t number)
{
	return atomic_load_explicit(&b->at[number % BEGUN_EVENTS],
	    memory_order_acquire) == turn(number);
}
