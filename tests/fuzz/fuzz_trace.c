/*
 * Traces of HTTP: the first byte says of which format the rest is.  What was
 * read and packed must be unpacked to the same; and what a worker gets is
 * unpacked whatever it is.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <stdio.h>
#include <unistd.h>

#include "http_trace/access.h"
#include "http_trace/date.h"
#include "http_trace/har.h"
#include "http_trace/lines.h"
#include "http_trace/ndjson.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct bytes packed;

static void check(const struct request *r, const char *why)
{
	struct packed p;

	if (why || request_pack(r, &packed))
		return;
	if (request_unpack(&p, packed.at, packed.len) == -1 ||
	    p.path[0] != '/' || strpbrk(p.path, " \r\n") ||
	    p.header_count != r->header_count || p.body_len != r->body.len)
		abort();
	for (size_t i = 0; i < p.header_count; i++) {
		if (strpbrk(p.names[i], ": \r\n") ||
		    strpbrk(p.values[i], "\r\n"))
			abort();
	}
}

/* By a descriptor's path, as a user names a file. */
static void read_file(const uint8_t *data, size_t size)
{
	int fd = memfd_create("trace", MFD_CLOEXEC);
	const json_t *entry;
	struct request r;
	struct span line;
	struct lines *l;
	const char *why;
	bool too_long;
	struct har *h;
	char path[64];
	int rc;

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (fd == -1 || write(fd, data, size) != (ssize_t)size)
		abort();
	h = har_open(path);
	while (h && (rc = har_next(h, &entry, &why)) > 0) {
		if (rc == 1)
			check(&r, har_request(entry, "cookie:a", &r));
	}
	har_close(h);
	l = lines_open(path);
	while (l && lines_next(l, &line, &too_long) == 1) {
		if (memchr(line.at, '\n', line.len))
			abort();
	}
	lines_close(l);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes scratch = { 0 };
	struct ndjson json = { 0 };
	struct span text = { (const char *)data + 1, size - 1 };
	struct request r;
	struct packed p;
	int64_t ns, resolution;

	if (size == 0)
		return 0;
	switch (data[0] & 7) {
	case 0:
	case 1:
		check(&r, access_read(text, data[0] & 1 ? ACCESS_AGENT :
		    ACCESS_USER, &r, &scratch));
		break;
	case 2:
		check(&r, ndjson_read(&json, text, NULL, &r));
		break;
	case 3:
		date_iso(text, &ns, &resolution);
		date_log(text, &ns);
		break;
	case 4:
		request_unpack(&p, text.at, text.len);
		break;
	default:
		read_file(data + 1, size - 1);
		break;
	}
	bytes_free(&scratch);
	bytes_free(&packed);
	ndjson_release(&json);
	return 0;
}
