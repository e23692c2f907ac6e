#pragma once
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "CLinuxNet.h"

/* What a socket of either family reads and writes as an address. */
union circles_sockaddr {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static inline uint64_t circles_load64(const uint8_t *bytes) {
    uint64_t value;
    memcpy(&value, bytes, sizeof value);
    return __builtin_bswap64(value);
}

static inline void circles_store64(uint8_t *bytes, uint64_t value) {
    value = __builtin_bswap64(value);
    memcpy(bytes, &value, sizeof value);
}

static inline void circles_from_sockaddr(
    const union circles_sockaddr *from, struct circles_address *address) {
    if (from->any.sa_family == AF_INET) {
        address->high = 0;
        address->low = 0xFFFF00000000ull | ntohl(from->v4.sin_addr.s_addr);
        address->port = ntohs(from->v4.sin_port);
    } else {
        address->high = circles_load64(from->v6.sin6_addr.s6_addr);
        address->low = circles_load64(from->v6.sin6_addr.s6_addr + 8);
        address->port = ntohs(from->v6.sin6_port);
    }
}

/* Returns the length of the address, 0 when a socket of `family` cannot reach it. */
static inline socklen_t circles_to_sockaddr(
    const struct circles_address *address, int family, union circles_sockaddr *to) {
    if (family == AF_INET) {
        if (address->high != 0 || address->low >> 32 != 0xFFFF) return 0;
        memset(&to->v4, 0, sizeof to->v4);
        to->v4.sin_family = AF_INET;
        to->v4.sin_port = htons(address->port);
        to->v4.sin_addr.s_addr = htonl((uint32_t)address->low);
        return sizeof to->v4;
    }
    memset(&to->v6, 0, sizeof to->v6);
    to->v6.sin6_family = AF_INET6;
    to->v6.sin6_port = htons(address->port);
    circles_store64(to->v6.sin6_addr.s6_addr, address->high);
    circles_store64(to->v6.sin6_addr.s6_addr + 8, address->low);
    return sizeof to->v6;
}
