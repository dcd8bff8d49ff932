/* See the header. */
#include "cluster/crash_send.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "cluster/crash.h"
#include "cluster/keys.h"
#include "cluster/wire.h"
#include "cluster/zsock.h"
#include "fiber/loop.h"

#define TEXT_MAX (128u << 10)
#define FLUSH_MS 3000

void crash_send_prepare(const char *endpoint, const char *worker,
    const char *keys)
{
	static char option[] = CRASH_SEND_OPTION;
	static char name[] = "swarm";
	static char *argv[6];

	/* Another crash may happen any time: never a half of it. */
	crash_set_helper(NULL);
	for (size_t i = 2; i < 5; i++)
		free(argv[i]);
	argv[0] = name;
	argv[1] = option;
	argv[2] = xstrdup(endpoint);
	argv[3] = xstrdup(worker);
	argv[4] = xstrdup(keys != NULL ? keys : "");
	crash_set_helper(argv);
}

/* Until the crashed process is through, or gone. */
static void read_all(struct buf *text)
{
	char *room;
	ssize_t n;

	while ((room = buf_reserve(text, 4096)) != NULL &&
	    (n = read(STDIN_FILENO, room, 4096)) > 0)
		text->len += (size_t)n;
}

/* Under a name of its own: that of the worker is still taken. */
static int tell(const char *endpoint, const struct keys *keys,
    const char *worker, const char *summary, const char *stack)
{
	struct buf out = BUF_INIT(WIRE_MAX_MESSAGE);
	char id[WIRE_MAX_NODE_ID + 1];
	const struct zsock_options options = { .identity = id, .keys = keys };
	struct zsock *s;
	int rc = -1;

	zsock_new_identity(id, sizeof id);
	wire_encode_crash(&out, id, worker, summary, stack);
	s = zsock_new(&options);
	if (s != NULL && zsock_connect(s, endpoint) == 0)
		rc = zsock_send(s, NULL, out.data, out.len);
	zsock_free(s, FLUSH_MS);
	buf_release(&out);
	return rc;
}

int crash_send(const char *endpoint, const char *worker, const char *keys_path)
{
	struct buf text = BUF_INIT(TEXT_MAX);
	struct buf lines = BUF_INIT(TEXT_MAX);
	struct keys keys = { 0 };
	struct crash_report *report;
	char *stack;
	int rc = -1;

	read_all(&text);
	report = crash_parse(buf_str(&text));
	if (report == NULL || loop_init() == -1 || (keys_path[0] != '\0' &&
	    keys_read(&keys, keys_path, false) == -1))
		goto release;
	crash_print(report, &lines);
	report = NULL;
	stack = lines.data + strcspn(buf_str(&lines), "\n");
	if (*stack != '\0')
		*stack++ = '\0';
	log_error("crashed: %s", lines.data);
	log_error("%s", stack);
	rc = tell(endpoint, keys_path[0] != '\0' ? &keys : NULL, worker,
	    lines.data, stack);

release:
	crash_free(report);
	keys_release(&keys);
	buf_release(&text);
	buf_release(&lines);
	return rc == 0 ? 0 : 1;
}
