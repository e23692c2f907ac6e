#include "dtls_internal.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

static const long DAY_SECONDS = 24 * 60 * 60;

static int fill(X509 *x509, EVP_PKEY *key) {
    uint64_t serial = 0;
    if (RAND_bytes((unsigned char *)&serial, sizeof serial) != 1) return 0;
    // Positive and not zero. Source: RFC 5280 section 4.1.2.2.
    serial = (serial >> 1) | 1;
    X509_NAME *name = X509_get_subject_name(x509);
    return X509_set_version(x509, X509_VERSION_3)
        && ASN1_INTEGER_set_uint64(X509_get_serialNumber(x509), serial)
        // A day back, for peers whose clocks are slow.
        && X509_gmtime_adj(X509_getm_notBefore(x509), -DAY_SECONDS) != NULL
        && X509_gmtime_adj(X509_getm_notAfter(x509), 30 * DAY_SECONDS) != NULL
        && X509_NAME_add_entry_by_txt(
            name, "CN", MBSTRING_ASC, (const unsigned char *)"circles", -1, -1, 0)
        && X509_set_issuer_name(x509, name) && X509_set_pubkey(x509, key)
        && X509_sign(x509, key, EVP_sha256()) > 0;
}

// Only suites with forward secrecy and an AEAD. The RSA ones serve a client whose server has an
// RSA certificate: ours is ECDSA. Source: RFC 8827 section 6.5.
static const char CIPHERS[] =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:"
    "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-CHACHA20-POLY1305";

static SSL_CTX *context_new(X509 *x509, EVP_PKEY *key) {
    SSL_CTX *context = SSL_CTX_new(DTLS_method());
    if (context == NULL) return NULL;
    // Cookie exchange (SSL_OP_COOKIE_EXCHANGE) stays off: ICE has already proven that the peer
    // receives at its address, and only such addresses reach DTLS.
    SSL_CTX_set_options(context,
        SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_QUERY_MTU | SSL_OP_NO_COMPRESSION
            | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_security_level(context, 2);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_cert_verify_callback(context, circles_dtls_verify, NULL);
    if (SSL_CTX_set_min_proto_version(context, DTLS1_2_VERSION)
        && SSL_CTX_set_max_proto_version(context, DTLS1_2_VERSION)
        && SSL_CTX_set_cipher_list(context, CIPHERS)
        && SSL_CTX_set1_groups_list(context, "X25519:P-256")
        && SSL_CTX_use_certificate(context, x509) && SSL_CTX_use_PrivateKey(context, key))
        return context;
    SSL_CTX_free(context);
    return NULL;
}

circles_certificate *circles_certificate_new(int rsa_bits, unsigned long *error) {
    ERR_clear_error();
    circles_certificate *made = OPENSSL_zalloc(sizeof *made);
    if (made != NULL) {
        made->key = rsa_bits > 0 ? EVP_RSA_gen((unsigned)rsa_bits) : EVP_EC_gen("P-256");
        made->x509 = X509_new();
        if (made->key != NULL && made->x509 != NULL && fill(made->x509, made->key))
            made->context = context_new(made->x509, made->key);
    }
    *error = ERR_peek_error();
    ERR_clear_error();
    if (made != NULL && made->context != NULL) return made;
    circles_certificate_free(made);
    return NULL;
}

void circles_certificate_free(circles_certificate *certificate) {
    if (certificate == NULL) return;
    SSL_CTX_free(certificate->context);
    X509_free(certificate->x509);
    EVP_PKEY_free(certificate->key);
    OPENSSL_free(certificate);
}

int circles_certificate_sha256(const circles_certificate *certificate, uint8_t digest[32]) {
    unsigned length = 0;
    if (X509_digest(certificate->x509, EVP_sha256(), digest, &length) == 1 && length == 32)
        return 0;
    ERR_clear_error();
    return -1;
}
