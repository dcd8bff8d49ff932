/*
 * The server of bench_http: answers every request with the same 150 bytes and
 * never sleeps.  When a server sleeps between two requests, each send of the
 * client pays for waking it, 5 to 15 us in a virtual machine, and slow clients
 * look worse than they are.
 *
 *	http_responder COUNT_FILE
 *
 * Prints its port; counts what it answers in the file's first eight bytes.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS 512

static const char answer[] =
    "HTTP/1.1 200 OK\r\nServer: responder\r\n"
    "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
    "Content-Type: text/plain\r\nContent-Length: 3\r\n"
    "Connection: keep-alive\r\n\r\nok\n";

static volatile uint64_t *answered;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void serve(int fd, int epoll)
{
	char buf[16384];
	ssize_t n = read(fd, buf, sizeof buf);

	if (n > 0) {
		/* Clients here send one whole request at a time. */
		if (write(fd, answer, sizeof answer - 1) > 0)
			++*answered;
	} else if (n == 0 || errno != EAGAIN) {
		epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL);
		close(fd);
	}
}

static void accept_all(int listener, int epoll)
{
	struct epoll_event e = { .events = EPOLLIN };
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		e.data.fd = fd;
		epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e);
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct epoll_event events[EVENTS], e = { .events = EPOLLIN };
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	int epoll = epoll_create1(0), file, n, i;
	socklen_t len = sizeof in;

	if (argc != 2)
		return 2;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	file = open(argv[1], O_RDWR);
	if (file == -1 || ftruncate(file, sizeof *answered) == -1)
		die(argv[1]);
	answered = mmap(NULL, sizeof *answered, PROT_READ | PROT_WRITE,
	    MAP_SHARED, file, 0);
	if (answered == MAP_FAILED ||
	    bind(listener, (struct sockaddr *)&in, len) == -1 ||
	    listen(listener, 4096) == -1 ||
	    getsockname(listener, (struct sockaddr *)&in, &len) == -1)
		die("responder");
	printf("%u\n", ntohs(in.sin_port));
	fflush(stdout);
	e.data.fd = listener;
	epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &e);
	for (;;) {
		n = epoll_wait(epoll, events, EVENTS, 0);
		for (i = 0; i < n; i++) {
			if (events[i].data.fd == listener)
				accept_all(listener, epoll);
			else
				serve(events[i].data.fd, epoll);
		}
	}
}
