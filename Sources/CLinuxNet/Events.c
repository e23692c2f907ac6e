#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "CLinuxNet.h"

int circles_epoll_create(void) {
    return epoll_create1(EPOLL_CLOEXEC);
}

int circles_epoll_add(int epoll, int fd, uint32_t token) {
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = token};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

int circles_epoll_remove(int epoll, int fd) {
    return epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL);
}

/* Rounds up: to wake early would make the caller's loop spin until its deadline. */
static int wait_milliseconds(
    int epoll, struct epoll_event *events, int capacity, int64_t nanoseconds) {
    int milliseconds = -1;
    if (nanoseconds >= 0) {
        int64_t whole = nanoseconds / 1000000 + (nanoseconds % 1000000 != 0);
        milliseconds = whole > INT_MAX ? INT_MAX : (int)whole;
    }
    return epoll_wait(epoll, events, capacity, milliseconds);
}

static int wait_events(
    int epoll, struct epoll_event *events, int capacity, int64_t nanoseconds) {
#ifdef SYS_epoll_pwait2
    struct timespec limit = {
        .tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000};
    long count = syscall(
        SYS_epoll_pwait2, epoll, events, capacity, nanoseconds < 0 ? NULL : &limit, NULL, 0);
    if (count >= 0 || errno != ENOSYS) return (int)count;
#endif
    return wait_milliseconds(epoll, events, capacity, nanoseconds);
}

int circles_epoll_wait(int epoll, uint32_t *tokens, unsigned capacity, int64_t nanoseconds) {
    struct epoll_event events[CIRCLES_EVENTS_MAX];
    if (capacity > CIRCLES_EVENTS_MAX) capacity = CIRCLES_EVENTS_MAX;
    int count = wait_events(epoll, events, (int)capacity, nanoseconds);
    if (count < 0) return errno == EINTR ? 0 : -1;
    for (int i = 0; i < count; i++) tokens[i] = events[i].data.u32;
    return count;
}

int circles_eventfd_create(void) {
    return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

/* A full counter refuses the write, and is a signal already. */
void circles_eventfd_signal(int fd) {
    uint64_t one = 1;
    while (write(fd, &one, sizeof one) < 0 && errno == EINTR) continue;
}

void circles_eventfd_drain(int fd) {
    uint64_t count;
    while (read(fd, &count, sizeof count) < 0 && errno == EINTR) continue;
}

static int64_t read_clock(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t circles_monotonic_ns(void) {
    return read_clock(CLOCK_MONOTONIC);
}

int64_t circles_thread_cpu_ns(void) {
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

int64_t circles_wall_us(void) {
    return read_clock(CLOCK_REALTIME) / 1000;
}

const char *circles_errno_name(int number) {
    return strerrorname_np(number);
}
