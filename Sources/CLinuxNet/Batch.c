#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "Internal.h"

#define SEND_CHUNK 256
#define ROOM_WAIT_MS 5
/* Errors that ICMP left on the socket are taken off one by one; a storm of them ends the call. */
#define PENDING_ERRORS_MAX 16

/* One set of headers per thread: a batch needs no memory of its own. */
static _Thread_local struct {
    struct mmsghdr messages[CIRCLES_RECEIVE_MAX];
    struct iovec buffers[CIRCLES_RECEIVE_MAX];
    union circles_sockaddr addresses[CIRCLES_RECEIVE_MAX];
    /* What the first `ready` headers point at, so that the next call leaves them alone. */
    char *arena;
    size_t stride;
    unsigned ready;
} receiving;

static _Thread_local struct {
    struct mmsghdr messages[SEND_CHUNK];
    struct iovec buffers[SEND_CHUNK];
    union circles_sockaddr addresses[SEND_CHUNK];
} sending;

static void prepare_receiving(char *arena, size_t stride, unsigned max) {
    if (receiving.arena != arena || receiving.stride != stride) {
        receiving.arena = arena;
        receiving.stride = stride;
        receiving.ready = 0;
    }
    for (unsigned i = receiving.ready; i < max; i++) {
        receiving.buffers[i].iov_base = arena + i * stride;
        receiving.buffers[i].iov_len = stride;
        struct msghdr *header = &receiving.messages[i].msg_hdr;
        header->msg_iov = &receiving.buffers[i];
        header->msg_iovlen = 1;
        header->msg_name = &receiving.addresses[i];
        header->msg_namelen = sizeof receiving.addresses[i];
        header->msg_control = NULL;
        header->msg_controllen = 0;
    }
    if (receiving.ready < max) receiving.ready = max;
}

/* Returns what recvmmsg returned, 0 when there was nothing, -1 on a mistake of ours. */
static int receive_headers(int fd, unsigned max) {
    for (int tries = 0; tries < PENDING_ERRORS_MAX; tries++) {
        int count = recvmmsg(fd, receiving.messages, max, MSG_DONTWAIT, NULL);
        if (count >= 0) return count;
        switch (errno) {
        case EAGAIN: case ENOMEM: case ENOBUFS: return 0;
        case EBADF: case EFAULT: case EINVAL: case ENOTSOCK: return -1;
        default: break;
        }
    }
    return 0;
}

int circles_receive_batch(
    int fd, void *arena, size_t stride, unsigned max, uint32_t *lengths,
    struct circles_address *from) {
    if (max > CIRCLES_RECEIVE_MAX) max = CIRCLES_RECEIVE_MAX;
    prepare_receiving(arena, stride, max);
    int count = receive_headers(fd, max);
    for (int i = 0; i < count; i++) {
        struct mmsghdr *message = &receiving.messages[i];
        bool truncated = (message->msg_hdr.msg_flags & MSG_TRUNC) != 0;
        lengths[i] = truncated ? 0 : message->msg_len;
        circles_from_sockaddr(&receiving.addresses[i], &from[i]);
        message->msg_hdr.msg_namelen = sizeof receiving.addresses[i];
    }
    return count;
}

/* Fills the headers of up to a chunk from datagram `*next` on; returns how many it filled. */
static unsigned prepare_sending(
    int family, const char *arena, size_t stride, const uint32_t *lengths,
    const struct circles_address *to, unsigned *next, unsigned count,
    struct circles_send_outcome *outcome) {
    unsigned filled = 0;
    for (; *next < count && filled < SEND_CHUNK; (*next)++) {
        union circles_sockaddr *address = &sending.addresses[filled];
        socklen_t length = circles_to_sockaddr(&to[*next], family, address);
        if (length == 0) {
            outcome->failed++;
            outcome->last_error = EAFNOSUPPORT;
            continue;
        }
        sending.buffers[filled].iov_base = (void *)(arena + *next * stride);
        sending.buffers[filled].iov_len = lengths[*next];
        struct msghdr *header = &sending.messages[filled].msg_hdr;
        header->msg_iov = &sending.buffers[filled];
        header->msg_iovlen = 1;
        header->msg_name = address;
        header->msg_namelen = length;
        filled++;
    }
    return filled;
}

/* Sends the filled headers; returns false once the socket's buffer stays full. */
static bool send_headers(
    int fd, unsigned filled, bool *waited, struct circles_send_outcome *outcome) {
    unsigned done = 0;
    while (done < filled) {
        int count = sendmmsg(fd, sending.messages + done, filled - done, MSG_DONTWAIT);
        if (count > 0) {
            done += (unsigned)count;
            outcome->sent += (unsigned)count;
            continue;
        }
        int error = errno;
        if (error == EINTR) continue;
        if (error != EAGAIN) {
            outcome->failed++;
            outcome->last_error = error;
            done++;
            continue;
        }
        struct pollfd room = {.fd = fd, .events = POLLOUT};
        if (*waited || poll(&room, 1, ROOM_WAIT_MS) <= 0) {
            outcome->dropped += filled - done;
            return false;
        }
        *waited = true;
    }
    return true;
}

struct circles_send_outcome circles_send_batch(
    int fd, int family, const void *arena, size_t stride, const uint32_t *lengths,
    const struct circles_address *to, unsigned count) {
    struct circles_send_outcome outcome = {0};
    bool waited = false;
    unsigned next = 0;
    while (next < count) {
        unsigned filled =
            prepare_sending(family, arena, stride, lengths, to, &next, count, &outcome);
        if (!send_headers(fd, filled, &waited, &outcome)) {
            outcome.dropped += count - next;
            break;
        }
    }
    return outcome;
}
