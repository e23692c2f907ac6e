// Counts the heap allocations of a process. Whatever links this gets glibc's allocator under
// names of its own, which the dynamic linker prefers for every library of the process.
#pragma once

#include <stdint.h>

/// Starts to count at 0.
void circles_malloc_count_start(void);
/// Stops, and gives how often memory was asked for since the start, by any thread.
uint64_t circles_malloc_count_stop(void);
