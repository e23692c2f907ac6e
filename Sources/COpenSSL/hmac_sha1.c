// HMAC through the SHA1 functions that OpenSSL 3.0 marks as deprecated: EVP_MAC and HMAC_CTX both
// allocate when a keyed context is reset or copied, and SRTP computes one HMAC per packet. Here
// the two keyed blocks are hashed once and a packet costs two copies of 96 bytes.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "COpenSSL.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <string.h>

struct circles_hmac_sha1 {
    SHA_CTX inner, outer;
};

// Source: RFC 2104 section 2.
static void set_key(struct circles_hmac_sha1 *hmac, const uint8_t *key, size_t key_length) {
    uint8_t block[SHA_CBLOCK] = {0};
    if (key_length > sizeof block)
        SHA1(key, key_length, block);
    else if (key_length > 0)
        memcpy(block, key, key_length);
    for (size_t i = 0; i < sizeof block; i++) block[i] ^= 0x36;
    SHA1_Init(&hmac->inner);
    SHA1_Update(&hmac->inner, block, sizeof block);
    for (size_t i = 0; i < sizeof block; i++) block[i] ^= 0x36 ^ 0x5c;
    SHA1_Init(&hmac->outer);
    SHA1_Update(&hmac->outer, block, sizeof block);
    OPENSSL_cleanse(block, sizeof block);
}

circles_hmac_sha1 *circles_hmac_sha1_new(const uint8_t *key, size_t key_length) {
    circles_hmac_sha1 *hmac = OPENSSL_malloc(sizeof *hmac);
    if (hmac != NULL) set_key(hmac, key, key_length);
    return hmac;
}

void circles_hmac_sha1_free(circles_hmac_sha1 *hmac) {
    OPENSSL_clear_free(hmac, sizeof *hmac);
}

static void sum(const circles_hmac_sha1 *hmac, const uint8_t *first, size_t first_length,
    const uint8_t *second, size_t second_length, uint8_t digest[SHA_DIGEST_LENGTH]) {
    SHA_CTX hash = hmac->inner;
    uint8_t inner[SHA_DIGEST_LENGTH];
    if (first_length > 0) SHA1_Update(&hash, first, first_length);
    if (second_length > 0) SHA1_Update(&hash, second, second_length);
    SHA1_Final(inner, &hash);
    hash = hmac->outer;
    SHA1_Update(&hash, inner, sizeof inner);
    SHA1_Final(digest, &hash);
}

static void sum_with_word(const circles_hmac_sha1 *hmac, const uint8_t *data, size_t length,
    const uint32_t *word, uint8_t digest[SHA_DIGEST_LENGTH]) {
    uint32_t big_endian = word != NULL ? __builtin_bswap32(*word) : 0;
    sum(hmac, data, length, (const uint8_t *)&big_endian,
        word != NULL ? sizeof big_endian : 0, digest);
}

void circles_hmac_sha1_tag80(const circles_hmac_sha1 *hmac, const uint8_t *data, size_t length,
    const uint32_t *word, uint8_t tag[10]) {
    uint8_t digest[SHA_DIGEST_LENGTH];
    sum_with_word(hmac, data, length, word, digest);
    memcpy(tag, digest, 10);
}

int circles_hmac_sha1_matches80(const circles_hmac_sha1 *hmac, const uint8_t *data,
    size_t length, const uint32_t *word, const uint8_t tag[10]) {
    uint8_t digest[SHA_DIGEST_LENGTH];
    sum_with_word(hmac, data, length, word, digest);
    return CRYPTO_memcmp(digest, tag, 10) == 0;
}

void circles_hmac_sha1_once(const uint8_t *key, size_t key_length, const uint8_t *first,
    size_t first_length, const uint8_t *second, size_t second_length, uint8_t digest[20]) {
    struct circles_hmac_sha1 hmac;
    set_key(&hmac, key, key_length);
    sum(&hmac, first, first_length, second, second_length, digest);
    OPENSSL_cleanse(&hmac, sizeof hmac);
}
