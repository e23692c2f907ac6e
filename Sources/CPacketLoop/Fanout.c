#define _GNU_SOURCE
#include "Fanout.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUFFER_BYTES (4 << 20)

static int open_socket(struct sockaddr_in *address) {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    int bytes = BUFFER_BYTES;
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    memset(address, 0, sizeof *address);
    address->sin_family = AF_INET;
    address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof *address;
    if (bind(fd, (struct sockaddr *)address, length) != 0
        || getsockname(fd, (struct sockaddr *)address, &length) != 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

static int open_destination(struct destination *destination, unsigned index) {
    destination->socket = open_socket(&destination->address);
    if (destination->socket < 0) return errno;
    uint8_t key[16];
    memset(key, (int)(index + 1), sizeof key);
    destination->cipher = EVP_CIPHER_CTX_new();
    if (destination->cipher == NULL) return ENOMEM;
    return EVP_EncryptInit_ex(destination->cipher, EVP_aes_128_gcm(), NULL, key, NULL) == 1
        ? 0 : EIO;
}

static void prepare_messages(struct fanout *fanout) {
    for (unsigned i = 0; i < fanout->options->batch; i++) {
        fanout->buffers[i].iov_base = fanout->arena + (size_t)i * PACKET_STRIDE;
        struct msghdr *header = &fanout->messages[i].msg_hdr;
        header->msg_iov = &fanout->buffers[i];
        header->msg_iovlen = 1;
        header->msg_namelen = sizeof(struct sockaddr_in);
    }
}

int fanout_open(struct fanout *fanout, const struct circles_packet_loop_options *options) {
    memset(fanout, 0, sizeof *fanout);
    fanout->options = options;
    fanout->sender = -1;
    fanout->destinations = calloc(options->destinations, sizeof *fanout->destinations);
    fanout->messages = calloc(options->batch, sizeof *fanout->messages);
    fanout->buffers = calloc(options->batch, sizeof *fanout->buffers);
    fanout->arena = calloc(options->batch, PACKET_STRIDE);
    if (!fanout->destinations || !fanout->messages || !fanout->buffers || !fanout->arena)
        return ENOMEM;
    for (unsigned i = 0; i < options->destinations; i++) fanout->destinations[i].socket = -1;
    for (unsigned i = 0; i < options->destinations; i++) {
        int error = open_destination(&fanout->destinations[i], i);
        if (error != 0) return error;
    }
    prepare_messages(fanout);
    struct sockaddr_in local;
    fanout->sender = open_socket(&local);
    return fanout->sender < 0 ? errno : 0;
}

void fanout_close(struct fanout *fanout) {
    if (fanout->destinations != NULL) {
        for (unsigned i = 0; i < fanout->options->destinations; i++) {
            EVP_CIPHER_CTX_free(fanout->destinations[i].cipher);
            if (fanout->destinations[i].socket >= 0) close(fanout->destinations[i].socket);
        }
    }
    if (fanout->sender >= 0) close(fanout->sender);
    free(fanout->destinations);
    free(fanout->messages);
    free(fanout->buffers);
    free(fanout->arena);
}

static void store32(uint8_t *bytes, uint32_t value) {
    value = htonl(value);
    memcpy(bytes, &value, sizeof value);
}

size_t fanout_seal(
    struct destination *destination, uint8_t *packet, unsigned payload_bytes, uint32_t source,
    uint32_t sequence) {
    packet[0] = 0x80;
    packet[1] = 111;
    packet[2] = (uint8_t)(sequence >> 8);
    packet[3] = (uint8_t)sequence;
    store32(packet + 4, sequence * 960);
    store32(packet + 8, source);
    uint8_t *payload = packet + RTP_HEADER_BYTES;
    memset(payload, (int)sequence, payload_bytes);

    uint8_t iv[IV_BYTES] = {0};
    store32(iv + 2, source);
    store32(iv + 8, sequence);
    EVP_CIPHER_CTX *cipher = destination->cipher;
    int length;
    if (EVP_EncryptInit_ex(cipher, NULL, NULL, NULL, iv) != 1
        || EVP_EncryptUpdate(cipher, NULL, &length, packet, RTP_HEADER_BYTES) != 1
        || EVP_EncryptUpdate(cipher, payload, &length, payload, (int)payload_bytes) != 1
        || EVP_EncryptFinal_ex(cipher, payload + payload_bytes, &length) != 1
        || EVP_CIPHER_CTX_ctrl(
               cipher, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, payload + payload_bytes) != 1)
        return 0;
    return RTP_HEADER_BYTES + payload_bytes + TAG_BYTES;
}
