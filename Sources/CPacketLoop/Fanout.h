#pragma once
#include <netinet/in.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "CPacketLoop.h"

#define RTP_HEADER_BYTES 12
#define TAG_BYTES 16
#define IV_BYTES 12
#define PACKET_STRIDE 1280

/* One receiver: its key, and the socket that it would have. */
struct destination {
    EVP_CIPHER_CTX *cipher;
    struct sockaddr_in address;
    int socket;
};

/* Everything that the loop touches, allocated before it starts. */
struct fanout {
    const struct circles_packet_loop_options *options;
    struct destination *destinations;
    struct mmsghdr *messages;
    struct iovec *buffers;
    uint8_t *arena;
    int sender;
};

/* Returns 0 or an errno; close it in either case. */
int fanout_open(struct fanout *fanout, const struct circles_packet_loop_options *options);
void fanout_close(struct fanout *fanout);

/* Writes a packet of `source` for one destination to `packet` and seals it in place; returns its
   length, 0 when OpenSSL refuses. */
size_t fanout_seal(
    struct destination *destination, uint8_t *packet, unsigned payload_bytes, uint32_t source,
    uint32_t sequence);
