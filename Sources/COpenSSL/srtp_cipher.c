#include "COpenSSL.h"

#include <openssl/err.h>
#include <openssl/evp.h>

#include <limits.h>
#include <string.h>

// The handle is OpenSSL's own context under a name that Swift may see.
static EVP_CIPHER_CTX *context(circles_cipher *cipher) { return (EVP_CIPHER_CTX *)cipher; }

static circles_cipher *cipher_new(
    const EVP_CIPHER *algorithm, const uint8_t key[16], int encrypt) {
    EVP_CIPHER_CTX *made = EVP_CIPHER_CTX_new();
    if (made != NULL && EVP_CipherInit_ex(made, algorithm, NULL, key, NULL, encrypt) != 1) {
        EVP_CIPHER_CTX_free(made);
        made = NULL;
    }
    ERR_clear_error();
    return (circles_cipher *)made;
}

circles_cipher *circles_gcm_new(const uint8_t key[16], int encrypt) {
    return cipher_new(EVP_aes_128_gcm(), key, encrypt);
}

circles_cipher *circles_ctr_new(const uint8_t key[16]) {
    return cipher_new(EVP_aes_128_ctr(), key, 1);
}

void circles_cipher_free(circles_cipher *cipher) { EVP_CIPHER_CTX_free(context(cipher)); }

static void put32(uint8_t *bytes, uint32_t value) {
    value = __builtin_bswap32(value);
    memcpy(bytes, &value, sizeof value);
}

static void put64(uint8_t *bytes, uint64_t value) {
    value = __builtin_bswap64(value);
    memcpy(bytes, &value, sizeof value);
}

// EVP_Cipher goes straight to the implementation: for an AEAD the output NULL means associated
// data, and input NULL means the end. It returns the byte count, or -1.
static int gcm_run(EVP_CIPHER_CTX *gcm, const uint8_t *aad, size_t aad_length,
    const uint8_t *tail, size_t tail_length, uint8_t *data, size_t length) {
    if (aad_length > INT_MAX || tail_length > INT_MAX || length > INT_MAX) return -1;
    if (aad_length > 0 && EVP_Cipher(gcm, NULL, aad, (unsigned)aad_length) < 0) return -1;
    if (tail_length > 0 && EVP_Cipher(gcm, NULL, tail, (unsigned)tail_length) < 0) return -1;
    if (length > 0 && EVP_Cipher(gcm, data, data, (unsigned)length) < 0) return -1;
    return EVP_Cipher(gcm, NULL, NULL, 0) < 0 ? -1 : 0;
}

int circles_gcm_seal(circles_cipher *cipher, uint32_t iv_high, uint64_t iv_low,
    const uint8_t *aad, size_t aad_length, const uint8_t *tail, size_t tail_length,
    uint8_t *data, size_t length, uint8_t tag[16]) {
    EVP_CIPHER_CTX *gcm = context(cipher);
    uint8_t iv[12];
    put32(iv, iv_high);
    put64(iv + 4, iv_low);
    if (EVP_EncryptInit_ex(gcm, NULL, NULL, NULL, iv) == 1
        && gcm_run(gcm, aad, aad_length, tail, tail_length, data, length) == 0
        && EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_AEAD_GET_TAG, 16, tag) == 1)
        return 0;
    ERR_clear_error();
    return -1;
}

int circles_gcm_open(circles_cipher *cipher, uint32_t iv_high, uint64_t iv_low,
    const uint8_t *aad, size_t aad_length, const uint8_t *tail, size_t tail_length,
    uint8_t *data, size_t length, const uint8_t tag[16]) {
    EVP_CIPHER_CTX *gcm = context(cipher);
    uint8_t iv[12];
    put32(iv, iv_high);
    put64(iv + 4, iv_low);
    if (EVP_DecryptInit_ex(gcm, NULL, NULL, NULL, iv) == 1
        && EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_AEAD_SET_TAG, 16, (void *)tag) == 1
        && gcm_run(gcm, aad, aad_length, tail, tail_length, data, length) == 0)
        return 0;
    ERR_clear_error();
    return -1;
}

int circles_ctr_xor(circles_cipher *cipher, uint64_t iv_high, uint64_t iv_low, uint8_t *data,
    size_t length) {
    EVP_CIPHER_CTX *ctr = context(cipher);
    uint8_t iv[16];
    put64(iv, iv_high);
    put64(iv + 8, iv_low);
    int written = 0;
    if (length <= INT_MAX && EVP_EncryptInit_ex(ctr, NULL, NULL, NULL, iv) == 1
        && EVP_EncryptUpdate(ctr, data, &written, data, (int)length) == 1)
        return 0;
    ERR_clear_error();
    return -1;
}
