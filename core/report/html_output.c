/*
 * The HTML report as a file; and the results inside it once more, as the JSON
 * file compressed: whoever has the report can compare it with another.
 */
#include "report/html.h"

#include "base/log.h"
#include "report/file.h"
#include "report/json.h"
#include "report/output.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <zlib.h>

/* gzip, so that any tool can unpack it. */
static int compress_gzip(struct buf *out, const struct buf *in)
{
	z_stream z = { 0 };
	char *room;
	uLong most;
	int rc;

	if (deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) !=
	    Z_OK)
		return -1;
	most = deflateBound(&z, in->len);
	room = buf_reserve(out, most);
	z.next_in = (Bytef *)in->data;
	z.avail_in = (uInt)in->len;
	z.next_out = (Bytef *)room;
	z.avail_out = (uInt)most;
	rc = room ? deflate(&z, Z_FINISH) : Z_BUF_ERROR;
	if (rc == Z_STREAM_END)
		out->len += z.total_out;
	deflateEnd(&z);
	return rc == Z_STREAM_END ? 0 : -1;
}

int html_embed(struct buf *out, const struct result *r)
{
	struct buf json = BUF_INIT(JSON_MAX), packed = BUF_INIT(JSON_MAX);
	size_t len;
	char *room;
	int rc = -1;

	if (json_write(&json, r) == -1 || compress_gzip(&packed, &json) == -1)
		goto release;
	len = 4 * ((packed.len + 2) / 3);
	buf_puts(out, HTML_DATA_BEGIN);
	room = buf_reserve(out, len + 1);
	if (!room)
		goto release;
	EVP_EncodeBlock((unsigned char *)room, (unsigned char *)packed.data,
	    (int)packed.len);
	out->len += len;
	rc = buf_puts(out, HTML_DATA_END "\n");
release:
	buf_release(&json);
	buf_release(&packed);
	return rc;
}

/* {u}, {r} and {t} in the name, as Locust has them; the caller frees. */
static char *path_of(const struct report *r)
{
	struct buf path = BUF_INIT(65536);

	for (const char *c = r->options.html; *c; c++) {
		long long v;

		if (c[0] != '{' || !c[1] || c[2] != '}' ||
		    !strchr("urt", c[1])) {
			buf_putc(&path, *c);
			continue;
		}
		v = c[1] == 'u' ? (long long)r->users_asked :
		    c[1] == 'r' ? (long long)r->run.spawn_rate :
		    (long long)r->run.run_time;
		buf_printf(&path, "%lld", v);
		c += 2;
	}
	return buf_detach(&path);
}

static bool html_wanted(const struct report *r)
{
	return r->options.html != NULL;
}

static int html_start(const struct report *r)
{
	return file_check(r->options.html);
}

static int html_save(const struct report *r, const struct result *result)
{
	struct buf out = BUF_INIT(HTML_MAX);
	int rc = html_write(&out, result);
	char *path = path_of(r);

	if (rc == 0)
		rc = file_try_replace(path, out.data, out.len);
	free(path);
	buf_release(&out);
	return rc;
}

static int html_finish(const struct report *r, const struct result *result)
{
	struct buf out = BUF_INIT(HTML_MAX);
	int rc = html_write(&out, result);
	char *path = path_of(r);

	if (rc == -1)
		log_error("the results are too large for %s", path);
	else
		rc = file_replace(path, out.data, out.len);
	free(path);
	buf_release(&out);
	return rc;
}

const struct output output_html = {
	.name = "html",
	.wanted = html_wanted,
	.start = html_start,
	.save = html_save,
	.finish = html_finish,
};
