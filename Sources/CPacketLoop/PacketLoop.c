#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "Drain.h"
#include "Fanout.h"

#define SOURCES 8
#define SEAL_ROUNDS 20000

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void wait_until(int64_t when_ns) {
    struct timespec when = {.tv_sec = when_ns / 1000000000, .tv_nsec = when_ns % 1000000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL) == EINTR) continue;
}

/* User and system time of this thread. */
static double cpu_us(void) {
    struct rusage usage;
    getrusage(RUSAGE_THREAD, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6
        + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static bool is_valid(const struct circles_packet_loop_options *options) {
    return options->packets > 0 && options->payload_bytes > 0 && options->payload_bytes <= 1200
        && options->destinations > 0 && options->destinations <= 1024 && options->batch > 0
        && options->batch <= 1024;
}

static void flush(
    struct fanout *fanout, unsigned count, struct circles_packet_loop_result *result) {
    unsigned done = 0;
    while (done < count) {
        int sent = sendmmsg(fanout->sender, fanout->messages + done, count - done, 0);
        if (sent > 0) {
            done += (unsigned)sent;
            result->sent += (unsigned)sent;
        } else if (errno != EINTR) {
            done++;
            result->failed++;
        }
    }
}

/* One source's packet to the first `count` destinations. */
static int fan_out(
    struct fanout *fanout, unsigned count, uint32_t source, uint32_t sequence,
    struct circles_packet_loop_result *result) {
    unsigned filled = 0;
    for (unsigned i = 0; i < count; i++) {
        struct destination *destination = &fanout->destinations[i];
        uint8_t *packet = fanout->arena + (size_t)filled * PACKET_STRIDE;
        size_t length = fanout_seal(
            destination, packet, fanout->options->payload_bytes, source, sequence);
        if (length == 0) return EIO;
        fanout->buffers[filled].iov_len = length;
        fanout->messages[filled].msg_hdr.msg_name = &destination->address;
        if (++filled == fanout->options->batch) {
            flush(fanout, filled, result);
            filled = 0;
        }
    }
    flush(fanout, filled, result);
    return 0;
}

static int send_all(struct fanout *fanout, struct circles_packet_loop_result *result) {
    const struct circles_packet_loop_options *options = fanout->options;
    double interval_ns = options->packets_per_second == 0
        ? 0 : options->destinations * 1e9 / (double)options->packets_per_second;
    int64_t start = now_ns();
    uint64_t left = options->packets;
    for (uint32_t round = 0; left > 0; round++) {
        if (interval_ns > 0) wait_until(start + (int64_t)(interval_ns * round));
        unsigned count = left < options->destinations ? (unsigned)left : options->destinations;
        int error = fan_out(fanout, count, 1 + round % SOURCES, round / SOURCES, result);
        if (error != 0) return error;
        left -= count;
    }
    return 0;
}

static int measure_seal(struct fanout *fanout, struct circles_packet_loop_result *result) {
    const struct circles_packet_loop_options *options = fanout->options;
    double start = cpu_us();
    for (uint32_t round = 0; round < SEAL_ROUNDS; round++) {
        struct destination *destination =
            &fanout->destinations[round % options->destinations];
        if (fanout_seal(destination, fanout->arena, options->payload_bytes, 0, round) == 0)
            return EIO;
    }
    result->seal_us_per_packet = (cpu_us() - start) / SEAL_ROUNDS;
    return 0;
}

static int measure(struct fanout *fanout, struct circles_packet_loop_result *result) {
    int error = measure_seal(fanout, result);
    if (error != 0) return error;
    struct drain drain;
    bool is_drained = fanout->options->is_drained != 0;
    if (is_drained) error = drain_start(&drain, fanout);
    if (error != 0) return error;
    double cpu = cpu_us();
    int64_t start = now_ns();
    error = send_all(fanout, result);
    result->wall_seconds = (double)(now_ns() - start) / 1e9;
    result->cpu_us_per_packet = (cpu_us() - cpu) / (double)fanout->options->packets;
    if (is_drained) {
        drain_stop(&drain);
        result->received = drain.received;
    }
    return error;
}

int circles_packet_loop(
    const struct circles_packet_loop_options *options, struct circles_packet_loop_result *result) {
    memset(result, 0, sizeof *result);
    if (!is_valid(options)) return EINVAL;
    struct fanout fanout;
    int error = fanout_open(&fanout, options);
    if (error == 0) error = measure(&fanout, result);
    fanout_close(&fanout);
    return error;
}
