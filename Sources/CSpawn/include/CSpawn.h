#pragma once
#include <sys/types.h>

/* Starts a program found in PATH, in the root folder, without input, its output appended to a
   file, and with no other descriptor of ours. Returns 0 or an errno.
   The GNU additions to posix_spawn that this takes are not in Swift's Glibc module. */
int circles_spawn(pid_t *pid, char *const *arguments, const char *output);
