#pragma once
#include <stdint.h>

/* The limit that the SFU's cost per forwarded packet is held against: a bare loop that seals a
   packet with AES-128-GCM for each receiver and sends it with sendmmsg, and does nothing else. */

struct circles_packet_loop_options {
    /* How many to send in all. */
    uint64_t packets;
    /* 0: as fast as it goes. Otherwise one source's packet goes to every destination at a time,
       evenly spaced: 8 sources with a packet every 20 ms to 100 destinations are 40000. */
    uint64_t packets_per_second;
    /* Bytes of Opus, 1 to 1200. */
    unsigned payload_bytes;
    /* Receiving sockets on the loopback, 1 to 1024. */
    unsigned destinations;
    /* The most datagrams in one sendmmsg, 1 to 1024. */
    unsigned batch;
    /* Not 0: a second thread reads what arrives, as the SFU's receivers do; sending then includes
       waking that thread. 0: the receive buffers fill and the kernel discards, which is cheaper. */
    int is_drained;
};

struct circles_packet_loop_result {
    uint64_t sent;
    /* What the draining thread read. */
    uint64_t received;
    /* Refused by the kernel. */
    uint64_t failed;
    /* User and system time of the sending thread. */
    double cpu_us_per_packet;
    /* Of that, sealing alone, measured before the run on one packet of the same size. */
    double seal_us_per_packet;
    double wall_seconds;
};

/* Runs on the calling thread. Returns 0 or an errno: EINVAL for options outside their range, EIO
   when OpenSSL refuses. */
int circles_packet_loop(
    const struct circles_packet_loop_options *options, struct circles_packet_loop_result *result);
