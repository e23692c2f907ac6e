#define _GNU_SOURCE
#include "Drain.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define READ_MAX 64
#define EVENTS_MAX 64
/* How late a stop may be noticed. */
#define WAIT_MS 20

static void *run(void *context) {
    struct drain *drain = context;
    uint8_t bytes[PACKET_STRIDE];
    struct iovec buffer = {.iov_base = bytes, .iov_len = sizeof bytes};
    struct mmsghdr messages[READ_MAX];
    memset(messages, 0, sizeof messages);
    /* Nobody looks at the bytes: every datagram may land in the same place. */
    for (int i = 0; i < READ_MAX; i++) {
        messages[i].msg_hdr.msg_iov = &buffer;
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    struct epoll_event events[EVENTS_MAX];
    while (!atomic_load(&drain->is_stopping)) {
        int ready = epoll_wait(drain->epoll, events, EVENTS_MAX, WAIT_MS);
        for (int i = 0; i < ready; i++) {
            int count = recvmmsg(events[i].data.fd, messages, READ_MAX, MSG_DONTWAIT, NULL);
            if (count > 0) drain->received += (uint64_t)count;
        }
    }
    return NULL;
}

int drain_start(struct drain *drain, const struct fanout *fanout) {
    drain->fanout = fanout;
    drain->received = 0;
    atomic_init(&drain->is_stopping, false);
    drain->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (drain->epoll < 0) return errno;
    int error = 0;
    for (unsigned i = 0; i < fanout->options->destinations && error == 0; i++) {
        int fd = fanout->destinations[i].socket;
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        if (epoll_ctl(drain->epoll, EPOLL_CTL_ADD, fd, &event) != 0) error = errno;
    }
    if (error == 0) error = pthread_create(&drain->thread, NULL, run, drain);
    if (error != 0) close(drain->epoll);
    return error;
}

void drain_stop(struct drain *drain) {
    atomic_store(&drain->is_stopping, true);
    pthread_join(drain->thread, NULL);
    close(drain->epoll);
}
