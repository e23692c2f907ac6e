#define _GNU_SOURCE
#include <errno.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "Internal.h"

int circles_address_parse(const char *host, uint16_t port, struct circles_address *address) {
    union circles_sockaddr parsed;
    memset(&parsed, 0, sizeof parsed);
    if (inet_pton(AF_INET, host, &parsed.v4.sin_addr) == 1) {
        parsed.v4.sin_family = AF_INET;
        parsed.v4.sin_port = htons(port);
    } else if (inet_pton(AF_INET6, host, &parsed.v6.sin6_addr) == 1) {
        parsed.v6.sin6_family = AF_INET6;
        parsed.v6.sin6_port = htons(port);
    } else {
        errno = EINVAL;
        return -1;
    }
    circles_from_sockaddr(&parsed, address);
    return 0;
}

/* The forced form goes beyond net.core.*mem_max, where we may. A smaller buffer is no failure:
   the kernel gives what it allows. */
static void set_buffer(int fd, int forced, int plain, int bytes) {
    if (setsockopt(fd, SOL_SOCKET, forced, &bytes, sizeof bytes) != 0)
        setsockopt(fd, SOL_SOCKET, plain, &bytes, sizeof bytes);
}

static int bind_to(int fd, int family, const struct circles_address *address) {
    union circles_sockaddr local;
    socklen_t length = circles_to_sockaddr(address, family, &local);
    if (family == AF_INET6) {
        int only = 0;
        if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only) != 0) return -1;
    }
    return bind(fd, &local.any, length);
}

int circles_udp_open(const char *host, uint16_t port, int buffer_bytes) {
    struct circles_address address;
    if (circles_address_parse(host, port, &address) != 0) return -1;
    int family = strchr(host, ':') != NULL ? AF_INET6 : AF_INET;
    int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, buffer_bytes);
    set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, buffer_bytes);
    if (bind_to(fd, family, &address) != 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

int circles_udp_port(int fd) {
    union circles_sockaddr local;
    socklen_t length = sizeof local;
    if (getsockname(fd, &local.any, &length) != 0) return -1;
    return ntohs(local.any.sa_family == AF_INET ? local.v4.sin_port : local.v6.sin6_port);
}

int circles_udp_family(int fd) {
    int family;
    socklen_t length = sizeof family;
    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &length) != 0) return -1;
    return family;
}

void circles_close(int fd) {
    close(fd);
}
