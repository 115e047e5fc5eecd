/* A disk that fails when asked to: loaded before the C library (LD_PRELOAD), so that whatever
 * writes, Python, PyTorch or a library in Rust, meets the same errors as on a real disk.
 *
 * Counts the calls that change something below one folder, and lets number `at` fail:
 * alone (a read error of the disk), or with all later ones that need room (a full disk).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static char prefix[4096];
static long at, count;
static int number, lasting;

void disk_arm(const char *folder, long fail_at, int error_number, int from_then_on) {
    snprintf(prefix, sizeof prefix, "%s", folder);
    at = fail_at;
    number = error_number;
    lasting = from_then_on;
    count = 0;
}

long disk_count(void) { return count; }

static int below(const char *path) {
    return prefix[0] && path && strncmp(path, prefix, strlen(prefix)) == 0;
}

static int below_fd(int fd) {
    char link[64], path[4096];
    if (!prefix[0]) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return below(path);
}

/* Whether this call fails; a full disk refuses only what needs room. */
static int fails(int needs_room) {
    count++;
    if (at && (count == at || (lasting && needs_room && count > at))) {
        if (lasting && !needs_room) return 0;
        errno = number;
        return 1;
    }
    return 0;
}

#define REAL(name) static __typeof__(&name) real; if (!real) real = dlsym(RTLD_NEXT, #name)

ssize_t write(int fd, const void *data, size_t size) {
    REAL(write);
    if (below_fd(fd) && fails(1)) {
        if (lasting && size > 1 && count == at) return real(fd, data, size / 2); /* some room is left */
        return -1;
    }
    return real(fd, data, size);
}

ssize_t writev(int fd, const struct iovec *parts, int n) {
    REAL(writev);
    return below_fd(fd) && fails(1) ? -1 : real(fd, parts, n);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t place) {
    REAL(pwrite);
    return below_fd(fd) && fails(1) ? -1 : real(fd, data, size, place);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t place) {
    REAL(pwrite64);
    return below_fd(fd) && fails(1) ? -1 : real(fd, data, size, place);
}

int fsync(int fd) {
    REAL(fsync);
    return below_fd(fd) && fails(0) ? -1 : real(fd);
}

int fdatasync(int fd) {
    REAL(fdatasync);
    return below_fd(fd) && fails(0) ? -1 : real(fd);
}

int ftruncate64(int fd, off64_t size) {
    REAL(ftruncate64);
    return below_fd(fd) && fails(0) ? -1 : real(fd, size);
}

int rename(const char *from, const char *to) {
    REAL(rename);
    return below(to) && fails(0) ? -1 : real(from, to);
}

int renameat(int from_folder, const char *from, int to_folder, const char *to) {
    REAL(renameat);
    return below(to) && fails(0) ? -1 : real(from_folder, from, to_folder, to);
}

int mkdir(const char *path, mode_t mode) {
    REAL(mkdir);
    return below(path) && fails(1) ? -1 : real(path, mode);
}

#define OPENS(name)                                                           \
    int name(const char *path, int flags, ...) {                              \
        REAL(name);                                                           \
        va_list rest;                                                         \
        va_start(rest, flags);                                                \
        mode_t mode = va_arg(rest, mode_t);                                   \
        va_end(rest);                                                         \
        if ((flags & O_CREAT) && below(path) && fails(1)) return -1;          \
        return real(path, flags, mode);                                       \
    }

OPENS(open)
OPENS(open64)

#define OPENS_AT(name)                                                        \
    int name(int folder, const char *path, int flags, ...) {                  \
        REAL(name);                                                           \
        va_list rest;                                                         \
        va_start(rest, flags);                                                \
        mode_t mode = va_arg(rest, mode_t);                                   \
        va_end(rest);                                                         \
        if ((flags & O_CREAT) && below(path) && fails(1)) return -1;          \
        return real(folder, path, flags, mode);                               \
    }

OPENS_AT(openat)
OPENS_AT(openat64)
