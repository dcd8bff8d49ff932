/*
 * The files of web/dist and the document that describes /api/v1, compressed by
 * gzip at build time and taken in by the assembler: a build needs no Node and
 * the bytes exist once, for the page and for reports (report/bundle.h).
 */
#include "web/assets.h"

#include <stdio.h>
#include <string.h>

#include <zlib.h>

#include <openssl/evp.h>

#include "report/bundle.h"

#define EMBED(symbol, file) \
	extern const unsigned char assets_##symbol[]; \
	extern const unsigned char assets_##symbol##_end[]; \
	__asm__(".pushsection .rodata\n" \
	    "assets_" #symbol ":\n" \
	    ".incbin \"" SWARM_WEB_ASSETS "/" file ".gz\"\n" \
	    "assets_" #symbol "_end:\n" \
	    ".byte 0\n" \
	    ".popsection\n")

EMBED(index, "index.html");
EMBED(icon, "icon.svg");
EMBED(openapi, "openapi.json");

static struct asset assets[] = {
	{ "/", "text/html; charset=utf-8", assets_index, assets_index_end,
	  "" },
	{ "/app.js", "text/javascript; charset=utf-8", bundle_script,
	  bundle_script_end, "" },
	{ "/app.css", "text/css; charset=utf-8", bundle_style,
	  bundle_style_end, "" },
	{ "/icon.svg", "image/svg+xml", assets_icon, assets_icon_end, "" },
	{ "/api/v1/openapi.json", "application/json", assets_openapi,
	  assets_openapi_end, "" },
};

void assets_init(void)
{
	for (size_t i = 0; i < sizeof(assets) / sizeof(assets[0]); i++) {
		struct asset *a = &assets[i];
		unsigned char digest[32];

		EVP_Digest(a->data, (size_t)(a->end - a->data), digest, NULL,
		    EVP_sha256(), NULL);
		snprintf(a->etag, sizeof(a->etag), "\"%02x%02x%02x%02x%02x"
		    "%02x%02x%02x\"", digest[0], digest[1], digest[2],
		    digest[3], digest[4], digest[5], digest[6], digest[7]);
	}
}

const struct asset *assets_find(const char *path)
{
	for (size_t i = 0; i < sizeof(assets) / sizeof(assets[0]); i++)
		if (strcmp(assets[i].path, path) == 0)
			return &assets[i];
	return NULL;
}

/* For a client that does not take gzip. */
static int inflate_into(const struct asset *a, struct buf *out)
{
	z_stream z = {
		.next_in = (unsigned char *)a->data,
		.avail_in = (unsigned)(a->end - a->data),
	};
	int rc;

	if (inflateInit2(&z, 15 + 16) != Z_OK)
		return -1;
	do {
		char *room = buf_reserve(out, 65536);

		if (!room) {
			rc = Z_MEM_ERROR;
			break;
		}
		z.next_out = (unsigned char *)room;
		z.avail_out = 65536;
		rc = inflate(&z, Z_NO_FLUSH);
		out->len += 65536 - z.avail_out;
	} while (rc == Z_OK);
	inflateEnd(&z);
	return rc == Z_STREAM_END ? 0 : -1;
}

static bool answer(struct http_call *call)
{
	const struct asset *a = assets_find(call->path);

	http_header(call, "cache-control:", "no-cache");
	http_header(call, "etag:", "%s", a->etag);
	http_header(call, "vary:", "accept-encoding");
	call->type = a->type;
	if (strstr(call->request->if_none_match, a->etag)) {
		call->status = 304;
		return true;
	}
	if (strstr(call->request->accept_encoding, "gzip")) {
		call->constant = a->data;
		call->constant_len = (size_t)(a->end - a->data);
		call->constant_gzip = true;
	} else if (inflate_into(a, &call->body) == -1) {
		http_text(call, 500, "Out of memory.");
	}
	return true;
}

const struct http_route assets_routes[] = {
	{ "/", HTTP_READS, answer },
	{ "/app.js", HTTP_READS | HTTP_OPEN, answer },
	{ "/app.css", HTTP_READS | HTTP_OPEN, answer },
	{ "/icon.svg", HTTP_READS | HTTP_OPEN, answer },
	{ "/api/v1/openapi.json", HTTP_READS, answer },
	{ NULL, 0, NULL },
};
