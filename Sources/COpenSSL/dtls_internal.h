// What certificate.c and dtls.c share. Not part of the module.
#pragma once

#include "COpenSSL.h"

#include <openssl/ssl.h>

struct circles_certificate {
    X509 *x509;
    EVP_PKEY *key;
    SSL_CTX *context;
};

/// Called by OpenSSL in place of chain validation: holds the peer's certificate against the
/// fingerprint of the session that `store` belongs to.
int circles_dtls_verify(X509_STORE_CTX *store, void *unused);
