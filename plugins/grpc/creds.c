/*
 * Making credentials parses certificates, so those made are kept; there are as
 * many as a scenario names sets of files.
 */
#include "creds.h"

#include "client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PEM_MAX (4u << 20)

struct kept {
	struct kept *next;
	grpc_channel_credentials *creds;
	char *key;
};

static struct kept *made;
static char why_text[CLIENT_ERROR];

static char *read_pem(const char *path, const char **why)
{
	FILE *f = fopen(path, "rb");
	char *text = NULL;
	size_t n;

	if (!f) {
		snprintf(why_text, sizeof why_text, "cannot read %s: %s", path,
		    strerror(errno));
		*why = why_text;
		return NULL;
	}
	text = malloc(PEM_MAX + 1);
	n = text ? fread(text, 1, PEM_MAX, f) : 0;
	if (text)
		text[n] = 0;
	fclose(f);
	if (text && strstr(text, "-----BEGIN "))
		return text;
	free(text);
	snprintf(why_text, sizeof why_text, "%s is no PEM file", path);
	*why = why_text;
	return NULL;
}

struct pem {
	char *ca;
	char *cert;
	char *key;
};

static int read_all(struct pem *p, const struct rpc_tls *t, const char **why)
{
	if (t->ca_file && !(p->ca = read_pem(t->ca_file, why)))
		return -1;
	if (!t->cert_file)
		return 0;
	p->cert = read_pem(t->cert_file, why);
	if (!p->cert)
		return -1;
	p->key = read_pem(t->key_file ? t->key_file : t->cert_file, why);
	return p->key ? 0 : -1;
}

/*
 * The certificate is checked against the server's name when the connection is
 * made, not against each call's authority, which may be another by intent.
 * Unverified: anybody may answer, as tests against self-signed servers ask for.
 */
static grpc_channel_credentials *secure(const struct pem *p, bool verify)
{
	grpc_tls_credentials_options *o = grpc_tls_credentials_options_create();
	grpc_tls_certificate_verifier *v = verify ?
	    grpc_tls_certificate_verifier_host_name_create() :
	    grpc_tls_certificate_verifier_no_op_create();
	grpc_tls_certificate_provider *provider;
	grpc_tls_identity_pairs *pairs = NULL;

	grpc_tls_credentials_options_set_certificate_verifier(o, v);
	grpc_tls_certificate_verifier_release(v);
	grpc_tls_credentials_options_set_verify_server_cert(o, verify);
	grpc_tls_credentials_options_set_check_call_host(o, 0);
	if (p->cert) {
		pairs = grpc_tls_identity_pairs_create();
		grpc_tls_identity_pairs_add_pair(pairs, p->key, p->cert);
		grpc_tls_credentials_options_watch_identity_key_cert_pairs(o);
	}
	if (p->ca && verify)
		grpc_tls_credentials_options_watch_root_certs(o);
	if (p->cert || (p->ca && verify)) {
		provider = grpc_tls_certificate_provider_static_data_create(
		    p->ca && verify ? p->ca : NULL, pairs);
		grpc_tls_credentials_options_set_certificate_provider(o,
		    provider);
		grpc_tls_certificate_provider_release(provider);
	}
	return grpc_tls_credentials_create(o);
}

static grpc_channel_credentials *make(bool tls, const struct rpc_tls *t,
    const char **why)
{
	grpc_channel_credentials *creds = NULL;
	struct pem p = { NULL };

	if (!tls)
		return grpc_insecure_credentials_create();
	if (read_all(&p, t, why) == 0) {
		*why = "the library refuses these certificates";
		creds = secure(&p, !t->insecure);
	}
	free(p.ca);
	free(p.cert);
	free(p.key);
	return creds;
}

grpc_channel_credentials *creds_of(bool tls, const struct rpc_tls *args,
    const char **why)
{
	struct rpc_tls t = { .size = 0 };
	struct kept *k;
	char *key;

	if (args)
		sized_copy(&t, sizeof t, args, args->size);
	if (!t.ca_file)
		t.ca_file = client_defaults.tls.ca_file;
	if (!t.cert_file) {
		t.cert_file = client_defaults.tls.cert_file;
		t.key_file = client_defaults.tls.key_file;
	}
	t.insecure |= client_defaults.tls.insecure;
	if (asprintf(&key, "%d %d\n%s\n%s\n%s", tls, t.insecure,
	    t.ca_file ? t.ca_file : "", t.cert_file ? t.cert_file : "",
	    t.key_file ? t.key_file : "") == -1)
		return NULL;
	for (k = made; k && strcmp(k->key, key) != 0; k = k->next)
		;
	if (k) {
		free(key);
		return k->creds;
	}
	k = calloc(1, sizeof *k);
	if (k)
		k->creds = make(tls, &t, why);
	if (!k || !k->creds) {
		free(k);
		free(key);
		return NULL;
	}
	k->key = key;
	k->next = made;
	made = k;
	return k->creds;
}

void creds_stop(void)
{
	while (made) {
		struct kept *k = made;

		made = k->next;
		grpc_channel_credentials_release(k->creds);
		free(k->key);
		free(k);
	}
}
