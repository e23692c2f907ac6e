// OpenSSL 3.0 for MediaCrypto: what Swift cannot call (macros, custom BIOs, callbacks) and the
// per-packet calls folded into one each. Every handle is opaque: Swift sees no OpenSSL type.
#pragma once

#include <stddef.h>
#include <stdint.h>

// MARK: packet ciphers (srtp_cipher.c)

/// One AES-128 key schedule in GCM or counter mode. One thread at a time.
typedef struct circles_cipher circles_cipher;

/// NULL when OpenSSL fails. `encrypt` is 0 for a context that only opens.
circles_cipher *circles_gcm_new(const uint8_t key[16], int encrypt);
circles_cipher *circles_ctr_new(const uint8_t key[16]);
void circles_cipher_free(circles_cipher *cipher);

/// Seals `data` in place. The 12-byte IV is `iv_high` then `iv_low`, big-endian. The associated
/// data is `aad` followed by `tail` (either may be empty). Returns 0, or -1.
int circles_gcm_seal(circles_cipher *cipher, uint32_t iv_high, uint64_t iv_low,
    const uint8_t *aad, size_t aad_length, const uint8_t *tail, size_t tail_length,
    uint8_t *data, size_t length, uint8_t tag[16]);

/// The reverse. On -1 the data is not authentic and its bytes are without meaning.
int circles_gcm_open(circles_cipher *cipher, uint32_t iv_high, uint64_t iv_low,
    const uint8_t *aad, size_t aad_length, const uint8_t *tail, size_t tail_length,
    uint8_t *data, size_t length, const uint8_t tag[16]);

/// Combines `data` in place with the AES-CM keystream (RFC 3711 section 4.1.1) of a 16-byte IV.
int circles_ctr_xor(circles_cipher *cipher, uint64_t iv_high, uint64_t iv_low,
    uint8_t *data, size_t length);

// MARK: HMAC-SHA1 (hmac_sha1.c)

/// A key with its inner and outer blocks already hashed. Immutable: any thread may read it.
typedef struct circles_hmac_sha1 circles_hmac_sha1;

circles_hmac_sha1 *circles_hmac_sha1_new(const uint8_t *key, size_t key_length);
void circles_hmac_sha1_free(circles_hmac_sha1 *hmac);

/// The first 80 bits of the HMAC over `data` followed by `word`, big-endian, if it is not NULL.
void circles_hmac_sha1_tag80(const circles_hmac_sha1 *hmac, const uint8_t *data, size_t length,
    const uint32_t *word, uint8_t tag[10]);
/// 1 when `tag` is what `circles_hmac_sha1_tag80` gives, in constant time.
int circles_hmac_sha1_matches80(const circles_hmac_sha1 *hmac, const uint8_t *data,
    size_t length, const uint32_t *word, const uint8_t tag[10]);

/// HMAC over `first` followed by `second` (either may be empty) with a key used once.
void circles_hmac_sha1_once(const uint8_t *key, size_t key_length, const uint8_t *first,
    size_t first_length, const uint8_t *second, size_t second_length, uint8_t digest[20]);

// MARK: random bytes and comparison (random.c)

/// 0, or -1 when the generator cannot be seeded.
int circles_random_bytes(void *bytes, size_t length);
/// 1 when equal, in a time that depends on `length` alone.
int circles_constant_time_equal(const void *left, const void *right, size_t length);

// MARK: certificates (certificate.c)

/// A self-signed certificate, its key, and the SSL_CTX that presents it. Immutable once made;
/// the reference counts inside are atomic, so any thread may start sessions from it.
typedef struct circles_certificate circles_certificate;

/// ECDSA P-256 when `rsa_bits` is 0. NULL with `*error` set when OpenSSL fails.
circles_certificate *circles_certificate_new(int rsa_bits, unsigned long *error);
void circles_certificate_free(circles_certificate *certificate);
/// SHA-256 over the DER form. 0, or -1.
int circles_certificate_sha256(const circles_certificate *certificate, uint8_t digest[32]);

// MARK: DTLS (dtls.c)

/// One DTLS 1.2 connection over memory. One thread at a time.
typedef struct circles_dtls circles_dtls;

enum circles_dtls_status {
    CIRCLES_DTLS_HANDSHAKING = 0,
    CIRCLES_DTLS_CONNECTED = 1,
    CIRCLES_DTLS_CLOSED_BY_PEER = 2,
    CIRCLES_DTLS_FAILED = 3,
    CIRCLES_DTLS_TIMED_OUT = 4,
    CIRCLES_DTLS_FINGERPRINT_MISMATCH = 5,
};

/// `digest_bits` names the SHA function: 1, 224, 256, 384 or 512. `datagram_max` is 288 at least.
circles_dtls *circles_dtls_new(const circles_certificate *certificate, int is_server,
    const char *srtp_profiles, size_t datagram_max, int digest_bits,
    const uint8_t *digest, size_t digest_length, unsigned long *error);
void circles_dtls_free(circles_dtls *dtls);

/// Feeds one datagram (or none: NULL, 0) and goes as far as that allows.
enum circles_dtls_status circles_dtls_advance(
    circles_dtls *dtls, const uint8_t *datagram, size_t length, unsigned long *error);
/// Sends the last flight again when its timer has run out.
enum circles_dtls_status circles_dtls_handle_timeout(circles_dtls *dtls, unsigned long *error);
/// Microseconds until the timer runs out, -1 when none runs.
int64_t circles_dtls_timeout_microseconds(circles_dtls *dtls);
/// Queues close_notify.
void circles_dtls_shutdown(circles_dtls *dtls);

/// The oldest datagram to be sent, valid until it is popped. NULL when there is none.
const uint8_t *circles_dtls_outgoing(const circles_dtls *dtls, size_t *length);
void circles_dtls_pop_outgoing(circles_dtls *dtls);

/// The negotiated SRTP profile (RFC 5764 section 4.1.2), 0 when none.
uint16_t circles_dtls_srtp_profile(circles_dtls *dtls);
/// 0, or -1. Source: RFC 5764 section 4.2.
int circles_dtls_export_srtp(circles_dtls *dtls, uint8_t *bytes, size_t length);

/// OpenSSL's constant text for an error code, or NULL.
const char *circles_openssl_reason(unsigned long error);
