#include "dtls_internal.h"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#include <string.h>
#include <sys/time.h>

// A flight is a handful of datagrams, and a peer may make us repeat it: what is over the limit is
// dropped as a network would, and a later retransmission brings it.
enum { OUTGOING_MAX = 32 };

// OpenSSL fills a datagram up to its MTU without counting what an AEAD adds to an encrypted record
// (8 bytes of nonce and 16 of tag), so its MTU is told smaller than the limit.
enum { AEAD_RESERVE = 32 };

static const unsigned TIMER_FIRST_MICROSECONDS = 50 * 1000;
static const unsigned TIMER_MAX_MICROSECONDS = 1000 * 1000;

struct datagram {
    struct datagram *next;
    size_t length;
    uint8_t bytes[];
};

struct circles_dtls {
    SSL *ssl;
    // The datagram being fed, borrowed for the time of one call. NULL once it was read.
    const uint8_t *incoming;
    size_t incoming_length;
    struct datagram *first, *last;
    size_t outgoing_count;
    size_t datagram_max;
    const EVP_MD *digest_algorithm;
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned digest_length;
    int is_peer_verified, is_mismatch;
};

// MARK: a BIO that keeps the borders of datagrams (BIO_s_mem joins them)

static int bio_write(BIO *bio, const char *bytes, int length) {
    circles_dtls *dtls = BIO_get_data(bio);
    if (length < 0) return -1;
    // A datagram over the limit would be cut or refused by the network: it is not sent at all.
    if (dtls->outgoing_count >= OUTGOING_MAX || (size_t)length > dtls->datagram_max)
        return length;
    struct datagram *datagram = OPENSSL_malloc(sizeof *datagram + (size_t)length);
    if (datagram == NULL) return length;
    datagram->next = NULL;
    datagram->length = (size_t)length;
    memcpy(datagram->bytes, bytes, (size_t)length);
    if (dtls->last != NULL)
        dtls->last->next = datagram;
    else
        dtls->first = datagram;
    dtls->last = datagram;
    dtls->outgoing_count++;
    return length;
}

static int bio_read(BIO *bio, char *bytes, int capacity) {
    circles_dtls *dtls = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (dtls->incoming == NULL || capacity < 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    // As recv does: what does not fit is lost.
    size_t count = dtls->incoming_length;
    if (count > (size_t)capacity) count = (size_t)capacity;
    memcpy(bytes, dtls->incoming, count);
    dtls->incoming = NULL;
    return (int)count;
}

static long bio_control(BIO *bio, int command, long number, void *pointer) {
    circles_dtls *dtls = BIO_get_data(bio);
    (void)number;
    (void)pointer;
    switch (command) {
    case BIO_CTRL_FLUSH: return 1;
    case BIO_CTRL_PENDING: return dtls->incoming != NULL ? (long)dtls->incoming_length : 0;
    case BIO_CTRL_DGRAM_QUERY_MTU:
    case BIO_CTRL_DGRAM_GET_MTU:
    case BIO_CTRL_DGRAM_GET_FALLBACK_MTU: return (long)dtls->datagram_max - AEAD_RESERVE;
    // The limit is that of the payload already: no IP or UDP header is to be taken off.
    default: return 0;
    }
}

static BIO_METHOD *bio_method;
static CRYPTO_ONCE bio_method_once = CRYPTO_ONCE_STATIC_INIT;

static void make_bio_method(void) {
    BIO_METHOD *made
        = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "circles datagrams");
    if (made != NULL && BIO_meth_set_write(made, bio_write) && BIO_meth_set_read(made, bio_read)
        && BIO_meth_set_ctrl(made, bio_control))
        bio_method = made;
}

static BIO *bio_new(circles_dtls *dtls) {
    if (!CRYPTO_THREAD_run_once(&bio_method_once, make_bio_method) || bio_method == NULL)
        return NULL;
    BIO *bio = BIO_new(bio_method);
    if (bio != NULL) {
        BIO_set_data(bio, dtls);
        BIO_set_init(bio, 1);
    }
    return bio;
}

// MARK: life

int circles_dtls_verify(X509_STORE_CTX *store, void *unused) {
    (void)unused;
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    circles_dtls *dtls = ssl != NULL ? SSL_get_app_data(ssl) : NULL;
    X509 *peer = X509_STORE_CTX_get0_cert(store);
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    if (dtls != NULL && peer != NULL
        && X509_digest(peer, dtls->digest_algorithm, digest, &length) == 1
        && length == dtls->digest_length && CRYPTO_memcmp(digest, dtls->digest, length) == 0) {
        dtls->is_peer_verified = 1;
        X509_STORE_CTX_set_error(store, X509_V_OK);
        return 1;
    }
    if (dtls != NULL) dtls->is_mismatch = 1;
    // The peer is told by a bad_certificate alert. Source: RFC 8122 section 6.2.
    X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
    return 0;
}

// OpenSSL asks with 0 for the first, then with the last one.
static unsigned next_timer(SSL *ssl, unsigned microseconds) {
    (void)ssl;
    if (microseconds == 0) return TIMER_FIRST_MICROSECONDS;
    if (microseconds >= TIMER_MAX_MICROSECONDS / 2) return TIMER_MAX_MICROSECONDS;
    return microseconds * 2;
}

static const EVP_MD *digest_of(int bits) {
    switch (bits) {
    case 1: return EVP_sha1();
    case 224: return EVP_sha224();
    case 256: return EVP_sha256();
    case 384: return EVP_sha384();
    case 512: return EVP_sha512();
    default: return NULL;
    }
}

static int start_ssl(circles_dtls *dtls, const circles_certificate *certificate, int is_server,
    const char *srtp_profiles) {
    dtls->ssl = SSL_new(certificate->context);
    BIO *bio = dtls->ssl != NULL ? bio_new(dtls) : NULL;
    if (bio == NULL) return 0;
    SSL_set_bio(dtls->ssl, bio, bio);
    SSL_set_app_data(dtls->ssl, dtls);
    if (is_server)
        SSL_set_accept_state(dtls->ssl);
    else
        SSL_set_connect_state(dtls->ssl);
    DTLS_set_timer_cb(dtls->ssl, next_timer);
    // This one returns 0 for success.
    return SSL_set_tlsext_use_srtp(dtls->ssl, srtp_profiles) == 0
        && SSL_set_mtu(dtls->ssl, (long)dtls->datagram_max - AEAD_RESERVE) > 0;
}

circles_dtls *circles_dtls_new(const circles_certificate *certificate, int is_server,
    const char *srtp_profiles, size_t datagram_max, int digest_bits, const uint8_t *digest,
    size_t digest_length, unsigned long *error) {
    ERR_clear_error();
    circles_dtls *dtls = OPENSSL_zalloc(sizeof *dtls);
    int started = 0;
    if (dtls != NULL && digest_length <= sizeof dtls->digest) {
        dtls->datagram_max = datagram_max;
        dtls->digest_algorithm = digest_of(digest_bits);
        memcpy(dtls->digest, digest, digest_length);
        dtls->digest_length = (unsigned)digest_length;
        started = dtls->digest_algorithm != NULL
            && start_ssl(dtls, certificate, is_server, srtp_profiles);
    }
    *error = ERR_peek_error();
    ERR_clear_error();
    if (started) return dtls;
    circles_dtls_free(dtls);
    return NULL;
}

void circles_dtls_free(circles_dtls *dtls) {
    if (dtls == NULL) return;
    SSL_free(dtls->ssl);
    while (dtls->first != NULL) circles_dtls_pop_outgoing(dtls);
    OPENSSL_free(dtls);
}

// MARK: progress

// The error queue is read and emptied here, in the function whose call filled it.
static enum circles_dtls_status classify(circles_dtls *dtls, int result, unsigned long *error) {
    int kind = SSL_get_error(dtls->ssl, result);
    unsigned long code = ERR_peek_error();
    ERR_clear_error();
    *error = code;
    if (dtls->is_mismatch) return CIRCLES_DTLS_FINGERPRINT_MISMATCH;
    switch (kind) {
    case SSL_ERROR_NONE:
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        if (!SSL_is_init_finished(dtls->ssl)) return CIRCLES_DTLS_HANDSHAKING;
        return dtls->is_peer_verified ? CIRCLES_DTLS_CONNECTED
                                      : CIRCLES_DTLS_FINGERPRINT_MISMATCH;
    case SSL_ERROR_ZERO_RETURN: return CIRCLES_DTLS_CLOSED_BY_PEER;
    default:
        return ERR_GET_REASON(code) == SSL_R_READ_TIMEOUT_EXPIRED ? CIRCLES_DTLS_TIMED_OUT
                                                                  : CIRCLES_DTLS_FAILED;
    }
}

static enum circles_dtls_status advance(circles_dtls *dtls, unsigned long *error) {
    ERR_clear_error();
    if (!SSL_is_init_finished(dtls->ssl)) {
        int result = SSL_do_handshake(dtls->ssl);
        enum circles_dtls_status status = classify(dtls, result, error);
        if (status != CIRCLES_DTLS_CONNECTED) return status;
    }
    // Nothing is to be read but alerts and flights that the peer repeats; application data is
    // not part of WebRTC audio and is thrown away. One datagram holds a bounded number of records.
    uint8_t scratch[2048];
    int result;
    do {
        ERR_clear_error();
        result = SSL_read(dtls->ssl, scratch, sizeof scratch);
    } while (result > 0);
    return classify(dtls, result, error);
}

// The two record buffers (16 KiB each, some 10 KiB of it resident) are needed only while a record
// is handled: an idle session goes without. OpenSSL keeps them if something is pending in them.
static int wake(circles_dtls *dtls) { return SSL_alloc_buffers(dtls->ssl) == 1; }

static void rest(circles_dtls *dtls) {
    if (SSL_is_init_finished(dtls->ssl)) SSL_free_buffers(dtls->ssl);
    ERR_clear_error();
}

enum circles_dtls_status circles_dtls_advance(
    circles_dtls *dtls, const uint8_t *datagram, size_t length, unsigned long *error) {
    dtls->incoming = length > 0 ? datagram : NULL;
    dtls->incoming_length = length;
    *error = 0;
    if (!wake(dtls)) return CIRCLES_DTLS_FAILED;
    enum circles_dtls_status status = advance(dtls, error);
    dtls->incoming = NULL;
    rest(dtls);
    return status;
}

enum circles_dtls_status circles_dtls_handle_timeout(circles_dtls *dtls, unsigned long *error) {
    *error = 0;
    if (!wake(dtls)) return CIRCLES_DTLS_FAILED;
    ERR_clear_error();
    int result = (int)DTLSv1_handle_timeout(dtls->ssl);
    enum circles_dtls_status status;
    if (result >= 0) {
        status = SSL_is_init_finished(dtls->ssl) ? CIRCLES_DTLS_CONNECTED
                                                 : CIRCLES_DTLS_HANDSHAKING;
    } else {
        status = classify(dtls, result, error);
    }
    rest(dtls);
    return status;
}

int64_t circles_dtls_timeout_microseconds(circles_dtls *dtls) {
    struct timeval left;
    if (DTLSv1_get_timeout(dtls->ssl, &left) != 1) return -1;
    return (int64_t)left.tv_sec * 1000000 + left.tv_usec;
}

void circles_dtls_shutdown(circles_dtls *dtls) {
    if (!SSL_is_init_finished(dtls->ssl) || !wake(dtls)) return;
    ERR_clear_error();
    SSL_shutdown(dtls->ssl);
    rest(dtls);
}

// MARK: what comes out

const uint8_t *circles_dtls_outgoing(const circles_dtls *dtls, size_t *length) {
    if (dtls->first == NULL) return NULL;
    *length = dtls->first->length;
    return dtls->first->bytes;
}

void circles_dtls_pop_outgoing(circles_dtls *dtls) {
    struct datagram *gone = dtls->first;
    if (gone == NULL) return;
    dtls->first = gone->next;
    if (dtls->first == NULL) dtls->last = NULL;
    dtls->outgoing_count--;
    OPENSSL_free(gone);
}

uint16_t circles_dtls_srtp_profile(circles_dtls *dtls) {
    SRTP_PROTECTION_PROFILE *profile = SSL_get_selected_srtp_profile(dtls->ssl);
    return profile != NULL ? (uint16_t)profile->id : 0;
}

int circles_dtls_export_srtp(circles_dtls *dtls, uint8_t *bytes, size_t length) {
    static const char LABEL[] = "EXTRACTOR-dtls_srtp";
    ERR_clear_error();
    int result = SSL_export_keying_material(
        dtls->ssl, bytes, length, LABEL, sizeof LABEL - 1, NULL, 0, 0);
    ERR_clear_error();
    return result == 1 ? 0 : -1;
}
