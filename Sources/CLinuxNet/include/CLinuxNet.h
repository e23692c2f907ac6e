#pragma once
#include <stddef.h>
#include <stdint.h>

/* What Swift's Glibc module lacks of Linux: epoll, eventfd, recvmmsg and sendmmsg.
   Every function that can fail returns -1 and leaves errno, unless it says otherwise. */

/* An IP address and a UDP port. IPv4 is IPv6-mapped; the address's halves are big-endian numbers
   in host order. Same layout as RTC's TransportAddress. */
struct circles_address {
    uint64_t high;
    uint64_t low;
    uint16_t port;
};

/* The most datagrams that one call of circles_receive_batch takes. */
#define CIRCLES_RECEIVE_MAX 128
/* The most events that one call of circles_epoll_wait returns. */
#define CIRCLES_EVENTS_MAX 128

/* What became of a batch: sent + dropped + failed is its count. */
struct circles_send_outcome {
    uint32_t sent;
    /* Not sent because the socket's buffer stayed full. */
    uint32_t dropped;
    /* Refused by the kernel one by one: unreachable, too long, not allowed. */
    uint32_t failed;
    /* The errno of the last that failed, or 0. */
    int last_error;
};

/* Reads an IPv4 or IPv6 literal. Returns 0, or -1 with EINVAL. */
int circles_address_parse(const char *host, uint16_t port, struct circles_address *address);

/* A non-blocking UDP socket bound to an IP literal; port 0 picks a free one; "::" takes IPv4 as
   well. Each of its buffers is `buffer_bytes`, or the system's limit without CAP_NET_ADMIN. */
int circles_udp_open(const char *host, uint16_t port, int buffer_bytes);
/* The port in host byte order. */
int circles_udp_port(int fd);
/* AF_INET or AF_INET6. */
int circles_udp_family(int fd);
void circles_close(int fd);

/* Takes up to `max` datagrams without waiting; datagram i is at arena + i * stride. One longer
   than `stride` is taken and given length 0. Returns how many, 0 when there are none. */
int circles_receive_batch(
    int fd, void *arena, size_t stride, unsigned max, uint32_t *lengths,
    struct circles_address *from);

/* Sends `count` datagrams. Waits for room at most once and at most 5 ms; what then finds no room
   is dropped. A datagram that the kernel refuses does not hold up the others.
   `family` is that of the socket. */
struct circles_send_outcome circles_send_batch(
    int fd, int family, const void *arena, size_t stride, const uint32_t *lengths,
    const struct circles_address *to, unsigned count);

int circles_epoll_create(void);
/* Watches `fd` for reading, level-triggered. */
int circles_epoll_add(int epoll, int fd, uint32_t token);
int circles_epoll_remove(int epoll, int fd);
/* Waits up to `nanoseconds`, without end when negative. Writes the tokens of the descriptors that
   are ready and returns their number; 0 after the time or a signal. */
int circles_epoll_wait(int epoll, uint32_t *tokens, unsigned capacity, int64_t nanoseconds);

int circles_eventfd_create(void);
/* Async-signal-safe; any thread. */
void circles_eventfd_signal(int fd);
void circles_eventfd_drain(int fd);

int64_t circles_monotonic_ns(void);
/* User and system time of the calling thread. */
int64_t circles_thread_cpu_ns(void);
/* Since 1970. */
int64_t circles_wall_us(void);

/* "EADDRINUSE" and so on; NULL for a number that has no name. */
const char *circles_errno_name(int number);
