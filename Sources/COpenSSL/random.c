#include "COpenSSL.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rand.h>

#include <limits.h>

int circles_random_bytes(void *bytes, size_t length) {
    if (length <= INT_MAX && RAND_bytes(bytes, (int)length) == 1) return 0;
    ERR_clear_error();
    return -1;
}

int circles_constant_time_equal(const void *left, const void *right, size_t length) {
    return CRYPTO_memcmp(left, right, length) == 0;
}

const char *circles_openssl_reason(unsigned long error) {
    return ERR_reason_error_string(error);
}
