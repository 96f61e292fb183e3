/* Records what a process asks of the files below a folder, in the order in which it happens.
 *
 * Loaded with LD_PRELOAD. POWERCUT_ROOT is the folder, an absolute path without symbolic links; POWERCUT_LOG is the file that the
 * record is appended to. Each entry is a header and its payload, written in one call, so that several processes can share a log.
 *
 * An entry is written after the call has succeeded and before it returns, under a lock that is held during the call: the
 * order of entries is the order of effects. Not seen: writes through a memory map, and paths with "..".
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { CREATE = 'c', MKDIR = 'm', WRITE = 'w', TRUNCATE = 't', SYNC = 's', UNLINK = 'u', RENAME = 'r', TOLD = 'a' };

struct header {
    uint8_t what;
    uint64_t inode;
    int64_t offset;  /* of a write; the new length of a truncation */
    uint32_t first;  /* bytes of the payload: data, or a path below the root */
    uint32_t second; /* bytes after those: the second path of a rename */
} __attribute__((packed));

#define SEEN 65536 /* inodes below the root; a power of two */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char root[4096];
static size_t root_length;
static int log_fd = -1;
static uint64_t seen[SEEN];

#define REAL(result, name, ...) \
    static result (*real_##name)(__VA_ARGS__); \
    if (!real_##name) real_##name = (result(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

__attribute__((constructor)) static void start(void) {
    REAL(int, open, const char *, int, ...);
    const char *folder = getenv("POWERCUT_ROOT"), *file = getenv("POWERCUT_LOG");
    if (!folder || !file || strlen(folder) >= sizeof root) return;
    strcpy(root, folder);
    root_length = strlen(root);
    log_fd = real_open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static void put(uint8_t what, uint64_t inode, int64_t offset, const void *first, size_t a, const void *second, size_t b) {
    struct header header = {what, inode, offset, (uint32_t)a, (uint32_t)b};
    struct iovec parts[] = {{&header, sizeof header}, {(void *)first, a}, {(void *)second, b}};
    REAL(ssize_t, writev, int, const struct iovec *, int);
    if (log_fd >= 0 && real_writev(log_fd, parts, 3) != (ssize_t)(sizeof header + a + b)) {
        static const char text[] = "powercut: the record cannot be written\n";
        REAL(ssize_t, write, int, const void *, size_t);
        (void)!real_write(2, text, sizeof text - 1);
        abort();
    }
}

/* The path below the root, with its slash; NULL if it is not below. The root itself is "". */
static const char *below(int folder, const char *path, char *space) {
    if (log_fd < 0 || !path) return NULL;
    if (path[0] != '/') {
        char link[64];
        ssize_t length;
        snprintf(link, sizeof link, folder == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", folder);
        if ((length = readlink(link, space, 4096)) < 0 || length + strlen(path) + 2 > 8192) return NULL;
        space[length] = '/';
        strcpy(space + length + 1, path);
        path = space;
    }
    if (strncmp(path, root, root_length) || (path[root_length] && path[root_length] != '/')) return NULL;
    return path + root_length;
}

static int find(uint64_t inode, int add) {
    uint64_t at = inode * 0x9E3779B97F4A7C15u >> 48;
    for (int step = 0; step < SEEN; step++, at++) {
        uint64_t *place = &seen[at & (SEEN - 1)];
        if (*place == inode) return 1;
        if (!*place) {
            if (add) *place = inode;
            return 0;
        }
    }
    return 0;
}

/* The inode of a file that was opened below the root; 0 for any other. */
static uint64_t known(int fd) {
    struct stat status;
    int before = errno;
    uint64_t inode = log_fd >= 0 && fd != log_fd && !fstat(fd, &status) && find(status.st_ino, 0) ? status.st_ino : 0;
    errno = before;
    return inode;
}

static uint64_t inode_of(int fd) {
    struct stat status;
    return fstat(fd, &status) ? 0 : status.st_ino;
}

static int opened(int (*call)(int, const char *, int, ...), int folder, const char *path, int flags, mode_t mode) {
    char space[8192];
    struct stat status;
    const char *name = below(folder, path, space);
    if (!name) return call(folder, path, flags, mode);
    pthread_mutex_lock(&lock);
    int existed = !fstatat(folder, path, &status, 0);
    int fd = call(folder, path, flags, mode);
    if (fd >= 0) {
        uint64_t inode = inode_of(fd);
        find(inode, 1);
        if (!existed) put(CREATE, inode, 0, name, strlen(name), NULL, 0);
        else if (flags & O_TRUNC) put(TRUNCATE, inode, 0, NULL, 0, NULL, 0);
    }
    int after = errno;
    pthread_mutex_unlock(&lock);
    errno = after;
    return fd;
}

#define MODE(mode, flags) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | __O_TMPFILE)) { \
        va_list rest; \
        va_start(rest, flags); \
        mode = va_arg(rest, mode_t); \
        va_end(rest); \
    }

static int (*real_openat_call(void))(int, const char *, int, ...) {
    REAL(int, openat, int, const char *, int, ...);
    return real_openat;
}
int open(const char *path, int flags, ...) { MODE(mode, flags) return opened(real_openat_call(), AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(mode, flags) return opened(real_openat_call(), AT_FDCWD, path, flags, mode); }
int openat(int folder, const char *path, int flags, ...) { MODE(mode, flags) return opened(real_openat_call(), folder, path, flags, mode); }
int openat64(int folder, const char *path, int flags, ...) { MODE(mode, flags) return opened(real_openat_call(), folder, path, flags, mode); }

/* Run a call on a file descriptor; if it succeeded and the file is below the root, write an entry. */
#define ON_FILE(result, call, succeeded, entry) \
    uint64_t inode = known(fd); \
    if (!inode) return call; \
    pthread_mutex_lock(&lock); \
    result value = call; \
    int after = errno; \
    if (succeeded) entry; \
    pthread_mutex_unlock(&lock); \
    errno = after; \
    return value

ssize_t write(int fd, const void *data, size_t size) {
    REAL(ssize_t, write, int, const void *, size_t);
    if (fd == 1) {
        pthread_mutex_lock(&lock);
        ssize_t written = real_write(fd, data, size);
        int after = errno;
        if (written > 0) put(TOLD, 0, 0, data, (size_t)written, NULL, 0);
        pthread_mutex_unlock(&lock);
        errno = after;
        return written;
    }
    ON_FILE(ssize_t, real_write(fd, data, size), value > 0,
            put(WRITE, inode, lseek(fd, 0, SEEK_CUR) - value, data, (size_t)value, NULL, 0));
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) {
    REAL(ssize_t, pwrite, int, const void *, size_t, off_t);
    ON_FILE(ssize_t, real_pwrite(fd, data, size, offset), value > 0, put(WRITE, inode, offset, data, (size_t)value, NULL, 0));
}
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset) { return pwrite(fd, data, size, offset); }
ssize_t writev(int fd, const struct iovec *parts, int count) {
    ssize_t total = 0;
    for (int i = 0; i < count; i++) {
        ssize_t written = write(fd, parts[i].iov_base, parts[i].iov_len);
        if (written < 0) return total ? total : written;
        total += written;
        if ((size_t)written < parts[i].iov_len) break;
    }
    return total;
}

/* Bytes the kernel has copied from one file to another: read again from the first. */
static void put_copied(uint64_t inode, int source, off64_t from, off64_t to, ssize_t size) {
    char data[65536];
    REAL(ssize_t, pread64, int, void *, size_t, off64_t);
    while (size > 0) {
        ssize_t got = real_pread64(source, data, size < (ssize_t)sizeof data ? (size_t)size : sizeof data, from);
        if (got <= 0) return;
        put(WRITE, inode, to, data, (size_t)got, NULL, 0);
        from += got, to += got, size -= got;
    }
}
ssize_t sendfile64(int fd, int source, off64_t *offset, size_t size) {
    REAL(ssize_t, sendfile64, int, int, off64_t *, size_t);
    ON_FILE(ssize_t, real_sendfile64(fd, source, offset, size), value > 0,
            put_copied(inode, source, (offset ? *offset : lseek64(source, 0, SEEK_CUR)) - value, lseek64(fd, 0, SEEK_CUR) - value, value));
}
ssize_t sendfile(int fd, int source, off_t *offset, size_t size) { return sendfile64(fd, source, offset, size); }
ssize_t copy_file_range(int source, off64_t *from, int fd, off64_t *to, size_t size, unsigned flags) {
    REAL(ssize_t, copy_file_range, int, off64_t *, int, off64_t *, size_t, unsigned);
    ON_FILE(ssize_t, real_copy_file_range(source, from, fd, to, size, flags), value > 0,
            put_copied(inode, source, (from ? *from : lseek64(source, 0, SEEK_CUR)) - value,
                       (to ? *to : lseek64(fd, 0, SEEK_CUR)) - value, value));
}

int fsync(int fd) {
    REAL(int, fsync, int);
    ON_FILE(int, real_fsync(fd), value == 0, put(SYNC, inode, 0, NULL, 0, NULL, 0));
}
int fdatasync(int fd) { return fsync(fd); }
int ftruncate(int fd, off_t length) {
    REAL(int, ftruncate, int, off_t);
    ON_FILE(int, real_ftruncate(fd, length), value == 0, put(TRUNCATE, inode, length, NULL, 0, NULL, 0));
}
int ftruncate64(int fd, off64_t length) { return ftruncate(fd, length); }
int truncate(const char *path, off_t length) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    int value = ftruncate(fd, length), after = errno;
    close(fd);
    errno = after;
    return value;
}
int truncate64(const char *path, off64_t length) { return truncate(path, length); }
int posix_fallocate(int fd, off_t offset, off_t length) {
    REAL(int, posix_fallocate, int, off_t, off_t);
    struct stat status;
    off_t before = fstat(fd, &status) ? 0 : status.st_size;
    ON_FILE(int, real_posix_fallocate(fd, offset, length), value == 0 && offset + length > before,
            put(TRUNCATE, inode, offset + length, NULL, 0, NULL, 0));
}
int posix_fallocate64(int fd, off64_t offset, off64_t length) { return posix_fallocate(fd, offset, length); }

int unlinkat(int folder, const char *path, int flags) {
    REAL(int, unlinkat, int, const char *, int);
    char space[8192];
    const char *name = below(folder, path, space);
    if (!name) return real_unlinkat(folder, path, flags);
    pthread_mutex_lock(&lock);
    int value = real_unlinkat(folder, path, flags), after = errno;
    if (!value) put(UNLINK, 0, 0, name, strlen(name), NULL, 0);
    pthread_mutex_unlock(&lock);
    errno = after;
    return value;
}
int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }
int renameat(int from_folder, const char *from, int to_folder, const char *to) {
    REAL(int, renameat, int, const char *, int, const char *);
    char from_space[8192], to_space[8192];
    const char *from_name = below(from_folder, from, from_space), *to_name = below(to_folder, to, to_space);
    if (!from_name || !to_name) return real_renameat(from_folder, from, to_folder, to);
    pthread_mutex_lock(&lock);
    int value = real_renameat(from_folder, from, to_folder, to), after = errno;
    if (!value) put(RENAME, 0, 0, from_name, strlen(from_name), to_name, strlen(to_name));
    pthread_mutex_unlock(&lock);
    errno = after;
    return value;
}
int rename(const char *from, const char *to) { return renameat(AT_FDCWD, from, AT_FDCWD, to); }
int mkdirat(int folder, const char *path, mode_t mode) {
    REAL(int, mkdirat, int, const char *, mode_t);
    char space[8192];
    struct stat status;
    const char *name = below(folder, path, space);
    if (!name) return real_mkdirat(folder, path, mode);
    pthread_mutex_lock(&lock);
    int value = real_mkdirat(folder, path, mode), after = errno;
    if (!value && !fstatat(folder, path, &status, 0)) put(MKDIR, status.st_ino, 0, name, strlen(name), NULL, 0);
    pthread_mutex_unlock(&lock);
    errno = after;
    return value;
}
int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }
