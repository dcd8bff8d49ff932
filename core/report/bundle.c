/*
 * One bundle, three uses: the live page, a saved run, a report.  The bytes
 * are those that the server sends; the browser unpacks them itself, so that
 * nothing here inflates.  A browser that cannot, shows the plain report.
 */
#include "report/bundle.h"

#include <openssl/evp.h>

#define EMBED(symbol, file) \
	__asm__(".pushsection .rodata\n" \
	    ".globl bundle_" #symbol "\n" \
	    "bundle_" #symbol ":\n" \
	    ".incbin \"" SWARM_WEB_ASSETS "/" file ".gz\"\n" \
	    ".globl bundle_" #symbol "_end\n" \
	    "bundle_" #symbol "_end:\n" \
	    ".byte 0\n" \
	    ".popsection\n")

EMBED(script, "app.js");
EMBED(style, "app.css");

/* The plain looks are for paper once the page runs.  Nothing is shown before
 * all of it was unpacked. */
static const char loader[] =
    "(async()=>{const d=document,g=i=>d.getElementById(i),"
    "u=i=>new Response(new Blob([Uint8Array.from(atob(g(i).textContent),"
    "c=>c.charCodeAt(0))]).stream().pipeThrough(new DecompressionStream("
    "'gzip'))).text();try{const[j,c]=await Promise.all([u('bundle'),"
    "u('bundle-style')]),s=d.createElement('style'),p=d.createElement("
    "'script');s.id='app-style';s.textContent="
    "'@media screen{'+c+'}';p.src="
    "URL.createObjectURL(new Blob([j],{type:'text/javascript'}));"
    "d.head.append(s,p)}catch(e){}})()";

static int base64(struct buf *out, const void *data, size_t size)
{
	size_t len = 4 * ((size + 2) / 3);
	char *room = buf_reserve(out, len + 1);

	if (!room)
		return -1;
	EVP_EncodeBlock((unsigned char *)room, data, (int)size);
	out->len += len;
	return 0;
}

static int part(struct buf *out, const char *id, const unsigned char *data,
    const unsigned char *end)
{
	buf_printf(out, "<script type=\"application/gzip\" id=\"%s\">", id);
	if (base64(out, data, (size_t)(end - data)) == -1)
		return -1;
	return buf_puts(out, "</script>\n");
}

int bundle_html(struct buf *out)
{
	if (part(out, "bundle", bundle_script, bundle_script_end) == -1 ||
	    part(out, "bundle-style", bundle_style, bundle_style_end) == -1)
		return -1;
	buf_puts(out, "<script>");
	buf_puts(out, loader);
	return buf_puts(out, "</script>\n");
}

void bundle_policy(struct buf *out)
{
	unsigned char digest[32];

	EVP_Digest(loader, sizeof(loader) - 1, digest, NULL, EVP_sha256(),
	    NULL);
	buf_puts(out, "default-src 'none'; script-src 'strict-dynamic' "
	    "'sha256-");
	base64(out, digest, sizeof(digest));
	buf_puts(out, "'; style-src 'unsafe-inline'; img-src data: blob:; "
	    "base-uri 'none'; form-action 'none'");
}
