/*
 * Preloaded into a relay under test (LD_PRELOAD): writes down what the process does to the files of one folder, and
 * when a sync of which file began and ended, so that a test can decide what a loss of power would have left.
 * POWER_FOLDER: the folder, with a slash at its end. POWER_TRACE: the file to append to.
 *
 * One entry of the trace, numbers little-endian: kind (1), inode (8), offset (8), length (4), bytes. Kinds:
 * C created (bytes: name)   O opened, being there (bytes: name)   T cut to offset   W written at offset (bytes)
 * R renamed (bytes: from NUL to)   U unlinked (bytes: name)   S sync of a file began, D of the folder (offset: its number)
 * E that sync ended
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* A macro where the compiler optimises. */
#undef fwrite_unlocked

#define FDS 65536

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int trace = -1;
static const char *folder;
static size_t folder_length;
static uint64_t syncs;
/* Inode of each open file of the folder; 1 for the folder itself, 0 for everything else. */
static uint64_t inodes[FDS];
/* Where the next append to a file goes, as far as stdio has been told. */
static uint64_t ends[FDS];

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void start(void) {
  folder = getenv("POWER_FOLDER");
  const char *path = getenv("POWER_TRACE");
  if (folder == NULL || path == NULL) return;
  folder_length = strlen(folder);
  trace = REAL(open)(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  /* Workers and children do not write into it. */
  unsetenv("LD_PRELOAD");
}

static void entry(char kind, uint64_t inode, uint64_t offset, const void *bytes, size_t length) {
  char head[21];
  uint32_t short_length = (uint32_t)length;
  int saved = errno;
  head[0] = kind;
  memcpy(head + 1, &inode, 8);
  memcpy(head + 9, &offset, 8);
  memcpy(head + 17, &short_length, 4);
  struct iovec parts[2] = {{head, sizeof head}, {(void *)bytes, length}};
  pthread_mutex_lock(&lock);
  if (REAL(writev)(trace, parts, 2) != (ssize_t)(sizeof head + length)) abort();
  pthread_mutex_unlock(&lock);
  errno = saved;
}

/* The name within the folder, or NULL when the path is not a file directly in it. */
static const char *inside(const char *path) {
  if (trace < 0 || strncmp(path, folder, folder_length) != 0) return NULL;
  const char *name = path + folder_length;
  return *name == 0 || strchr(name, '/') != NULL ? NULL : name;
}

static int is_folder(const char *path) {
  size_t length = strlen(path);
  while (length > 1 && path[length - 1] == '/') length -= 1;
  return trace >= 0 && length + 1 == folder_length && strncmp(path, folder, length) == 0;
}

static int exists(const char *path) {
  struct stat found;
  return stat(path, &found) == 0;
}

static void opened(int fd, const char *path, int existed, int truncated) {
  if (trace < 0 || fd < 0 || fd >= FDS) return;
  inodes[fd] = 0;
  if (is_folder(path)) {
    inodes[fd] = 1;
    return;
  }
  const char *name = inside(path);
  struct stat found;
  if (name == NULL || fstat(fd, &found) != 0 || !S_ISREG(found.st_mode)) return;
  inodes[fd] = found.st_ino;
  ends[fd] = found.st_size;
  entry(existed ? 'O' : 'C', found.st_ino, 0, name, strlen(name));
  if (existed && truncated) entry('T', found.st_ino, 0, NULL, 0);
}

/* libuv closes by a system call of its own: whether the number still stands for that file is asked each time. */
static uint64_t inode_of(int fd) {
  struct stat found;
  if (fd < 0 || fd >= FDS || inodes[fd] == 0) return 0;
  if (fstat(fd, &found) != 0) return 0;
  if (inodes[fd] == 1 ? S_ISDIR(found.st_mode) : S_ISREG(found.st_mode) && found.st_ino == inodes[fd]) return inodes[fd];
  inodes[fd] = 0;
  return 0;
}

static int open_traced(const char *path, int flags, mode_t mode) {
  int existed = exists(path);
  int fd = REAL(open)(path, flags, mode);
  opened(fd, path, existed, flags & O_TRUNC);
  return fd;
}

int open(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return open_traced(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return open_traced(path, flags, mode);
}

static FILE *fopen_traced(const char *path, const char *mode, FILE *(*real)(const char *, const char *)) {
  int existed = exists(path);
  FILE *file = real(path, mode);
  if (file != NULL) opened(fileno(file), path, existed, mode[0] == 'w');
  return file;
}

FILE *fopen(const char *path, const char *mode) { return fopen_traced(path, mode, REAL(fopen)); }

FILE *fopen64(const char *path, const char *mode) { return fopen_traced(path, mode, REAL(fopen64)); }

int close(int fd) {
  if (fd >= 0 && fd < FDS) inodes[fd] = 0;
  return REAL(close)(fd);
}

int fclose(FILE *file) {
  int fd = fileno(file);
  if (fd >= 0 && fd < FDS) inodes[fd] = 0;
  return REAL(fclose)(file);
}

/* What is in the buffer of stdio counts as written and not synced. */
static size_t written_by_stdio(FILE *file, const void *bytes, size_t length) {
  int fd = fileno(file);
  if (inode_of(fd) > 1 && length > 0) {
    entry('W', inodes[fd], ends[fd], bytes, length);
    ends[fd] += length;
  }
  return length;
}

size_t fwrite(const void *bytes, size_t size, size_t count, FILE *file) {
  size_t done = REAL(fwrite)(bytes, size, count, file);
  written_by_stdio(file, bytes, size * done);
  return done;
}

size_t fwrite_unlocked(const void *bytes, size_t size, size_t count, FILE *file) {
  size_t done = REAL(fwrite_unlocked)(bytes, size, count, file);
  written_by_stdio(file, bytes, size * done);
  return done;
}

/* `offset` is -1 for a write at the file's own position. */
static void written(int fd, const void *bytes, ssize_t length, int64_t offset) {
  if (inode_of(fd) <= 1 || length <= 0) return;
  if (offset < 0) offset = lseek(fd, 0, SEEK_CUR) - length;
  entry('W', inodes[fd], (uint64_t)offset, bytes, (size_t)length);
}

static void written_parts(int fd, const struct iovec *parts, int count, ssize_t length, int64_t offset) {
  if (inode_of(fd) <= 1 || length <= 0) return;
  if (offset < 0) offset = lseek(fd, 0, SEEK_CUR) - length;
  for (int i = 0; i < count && length > 0; i += 1) {
    size_t part = parts[i].iov_len < (size_t)length ? parts[i].iov_len : (size_t)length;
    entry('W', inodes[fd], (uint64_t)offset, parts[i].iov_base, part);
    offset += part;
    length -= part;
  }
}

ssize_t write(int fd, const void *bytes, size_t length) {
  ssize_t done = REAL(write)(fd, bytes, length);
  written(fd, bytes, done, -1);
  return done;
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) {
  ssize_t done = REAL(pwrite64)(fd, bytes, length, offset);
  written(fd, bytes, done, offset);
  return done;
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
  ssize_t done = REAL(writev)(fd, parts, count);
  written_parts(fd, parts, count, done, -1);
  return done;
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset) {
  ssize_t done = REAL(pwritev64)(fd, parts, count, offset);
  written_parts(fd, parts, count, done, offset);
  return done;
}

int ftruncate64(int fd, off64_t length) {
  int result = REAL(ftruncate64)(fd, length);
  if (result == 0 && inode_of(fd) > 1) entry('T', inodes[fd], (uint64_t)length, NULL, 0);
  return result;
}

static int synced(int fd, int (*real)(int)) {
  uint64_t inode = inode_of(fd);
  if (inode == 0) return real(fd);
  uint64_t number = __atomic_add_fetch(&syncs, 1, __ATOMIC_SEQ_CST);
  entry(inode == 1 ? 'D' : 'S', inode, number, NULL, 0);
  int result = real(fd);
  if (result == 0) entry('E', inode, number, NULL, 0);
  return result;
}

int fsync(int fd) { return synced(fd, REAL(fsync)); }

int fdatasync(int fd) { return synced(fd, REAL(fdatasync)); }

int rename(const char *from, const char *to) {
  int result = REAL(rename)(from, to);
  const char *a = inside(from), *b = inside(to);
  if (result == 0 && a != NULL && b != NULL) {
    char names[2 * PATH_MAX];
    size_t length = strlen(a) + 1 + strlen(b);
    strcpy(names, a);
    strcpy(names + strlen(a) + 1, b);
    entry('R', 0, 0, names, length);
  }
  return result;
}

int unlink(const char *path) {
  int result = REAL(unlink)(path);
  const char *name = inside(path);
  if (result == 0 && name != NULL) entry('U', 0, 0, name, strlen(name));
  return result;
}
