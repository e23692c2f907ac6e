#define _GNU_SOURCE
#include "CSpawn.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

extern char **environ;

/* A signal that we ignore, because something else of ours waits for it, would stay ignored in
   the child: it begins with the defaults and nothing blocked. */
static int set_signals(posix_spawnattr_t *attributes) {
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    int code = posix_spawnattr_setsigdefault(attributes, &all);
    if (code == 0) code = posix_spawnattr_setsigmask(attributes, &none);
    if (code == 0)
        code = posix_spawnattr_setflags(
            attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    return code;
}

static int set_files(posix_spawn_file_actions_t *actions, const char *output) {
    int code = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);
    if (code == 0)
        code = posix_spawn_file_actions_addopen(
            actions, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (code == 0) code = posix_spawn_file_actions_adddup2(actions, 1, 2);
    if (code == 0) code = posix_spawn_file_actions_addclosefrom_np(actions, 3);
    if (code == 0) code = posix_spawn_file_actions_addchdir_np(actions, "/");
    return code;
}

int circles_spawn(pid_t *pid, char *const *arguments, const char *output) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int code = posix_spawn_file_actions_init(&actions);
    if (code != 0) return code;
    code = posix_spawnattr_init(&attributes);
    if (code == 0) {
        code = set_files(&actions, output);
        if (code == 0) code = set_signals(&attributes);
        if (code == 0)
            code = posix_spawnp(pid, arguments[0], &actions, &attributes, arguments, environ);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return code;
}
