#pragma once
#include <pthread.h>
#include <stdatomic.h>

#include "Fanout.h"

/* A thread that reads what arrives at the destinations until it is stopped. */
struct drain {
    const struct fanout *fanout;
    pthread_t thread;
    int epoll;
    atomic_bool is_stopping;
    uint64_t received;
};

/* Returns 0 or an errno. */
int drain_start(struct drain *drain, const struct fanout *fanout);
/* Waits for the thread; `received` is final after it. */
void drain_stop(struct drain *drain);
