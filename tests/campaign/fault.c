/* Stands between a program and libc (LD_PRELOAD): counts the file operations below one folder, and at the n-th of them
 * kills the process group, or fails with an errno. State lies in a mapped file, so that child processes share the count.
 * Built and driven by processes.py. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { SPACE = 1, CHANGE = 2, READ = 4, LOCK = 8 };         /* kinds of operations */
enum { COUNT = 0, KILL = 1, TORN = 2, FAIL = 3, FAIL_ON = 4 }; /* what happens at the n-th */

struct state { /* the layout of State in processes.py */
  int64_t count, n;
  int32_t mode, error, kinds, fired;
  char operation[32], path[1024], prefix[1024];
};

static struct state *state;
static unsigned char watched[1 << 16];
static int trace; /* where operations are listed, of this process alone; 0: nowhere */

void campaign_arm(const char *file, int listed_in) {
  trace = listed_in;
  int fd = (int)syscall(SYS_openat, AT_FDCWD, file, O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  void *mapped = mmap(NULL, sizeof(struct state), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  syscall(SYS_close, fd);
  state = mapped == MAP_FAILED ? NULL : mapped;
}

void campaign_disarm(void) { state = NULL; }

__attribute__((constructor)) static void begin(void) {
  const char *file = getenv("CAMPAIGN_STATE");
  if (file) campaign_arm(file, 0);
}

static int below(const char *path) {
  char full[4096];
  if (!state || !path) return 0;
  if (path[0] != '/') {
    if (!getcwd(full, sizeof full - 2)) return 0;
    size_t used = strlen(full);
    full[used] = '/';
    strncpy(full + used + 1, path, sizeof full - used - 2);
    full[sizeof full - 1] = 0;
    path = full;
  }
  return strncmp(path, state->prefix, strlen(state->prefix)) == 0;
}

static int known(int fd) { return state && fd >= 0 && fd < (1 << 16) && watched[fd]; }

static void path_of(int fd, char *path, size_t size) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  long length = syscall(SYS_readlinkat, AT_FDCWD, link, path, size - 1);
  path[length > 0 ? length : 0] = 0;
}

static void die(void) {
  syscall(SYS_kill, 0, SIGKILL); /* the whole group: the machine goes away */
  for (;;) pause();
}

/* Counts one operation; returns what is to be done with it: COUNT (go on), TORN or FAIL. */
static int at(int kind, const char *operation, const char *path, int fd) {
  char found[1024] = "";
  if (!state || !(state->kinds & kind)) return COUNT;
  int64_t number = __atomic_add_fetch(&state->count, 1, __ATOMIC_SEQ_CST);
  int now = state->mode != COUNT && (number == state->n || (state->mode == FAIL_ON && number > state->n));
  if (!now && !trace) return COUNT;
  if (path) strncpy(found, path, sizeof found - 1);
  else path_of(fd, found, sizeof found);
  if (trace) {
    char line[1200];
    int size = snprintf(line, sizeof line, "%d %s %s\n", kind, operation, found);
    syscall(SYS_write, trace, line, size);
  }
  if (!now) return COUNT;
  if (!state->fired) {
    strncpy(state->operation, operation, sizeof state->operation - 1);
    strncpy(state->path, found, sizeof state->path - 1);
    state->fired = 1;
  }
  if (state->mode == KILL) die();
  if (state->mode == TORN) return TORN;
  errno = state->error;
  return FAIL;
}

#define REAL(name) static __typeof__(name) *real; if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

static int kind_of_flags(int flags) {
  if (flags & O_CREAT) return SPACE;
  return (flags & O_ACCMODE) == O_RDONLY ? READ : CHANGE;
}

static int note(int fd, int is_below) {
  if (fd >= 0 && fd < (1 << 16)) watched[fd] = (unsigned char)is_below;
  return fd;
}

#define OPEN(name) \
  int name(const char *path, int flags, ...) { \
    REAL(name); \
    va_list rest; va_start(rest, flags); mode_t mode = va_arg(rest, mode_t); va_end(rest); \
    int is_below = below(path); \
    if (is_below && at(kind_of_flags(flags), "open", path, -1) >= TORN) { if (state->mode == TORN) die(); return -1; } \
    return note(real(path, flags, mode), is_below); \
  }
OPEN(open)
OPEN(open64)

#define OPENAT(name) \
  int name(int at_fd, const char *path, int flags, ...) { \
    REAL(name); \
    va_list rest; va_start(rest, flags); mode_t mode = va_arg(rest, mode_t); va_end(rest); \
    int is_below = (at_fd == AT_FDCWD || path[0] == '/') && below(path); \
    if (is_below && at(kind_of_flags(flags), "open", path, -1) >= TORN) { if (state->mode == TORN) die(); return -1; } \
    return note(real(at_fd, path, flags, mode), is_below); \
  }
OPENAT(openat)
OPENAT(openat64)

int creat(const char *path, mode_t mode) { return open(path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(const char *path, mode_t mode) { return open(path, O_CREAT | O_WRONLY | O_TRUNC, mode); }

#define FOPEN(name) \
  FILE *name(const char *path, const char *mode) { \
    REAL(name); \
    int is_below = below(path); \
    int kind = mode[0] == 'r' ? (strchr(mode, '+') ? CHANGE : READ) : SPACE; \
    if (is_below && at(kind, "fopen", path, -1) >= TORN) { if (state->mode == TORN) die(); return NULL; } \
    FILE *file = real(path, mode); \
    if (file) note(fileno(file), is_below); \
    return file; \
  }
FOPEN(fopen)
FOPEN(fopen64)

int close(int fd) {
  REAL(close);
  note(fd, 0);
  return real(fd);
}

/* Operations on open files: TORN does half of a write before the kill. */
#define WRITING(name, fd, half, failed, call) \
  if (known(fd)) switch (at(SPACE, name, NULL, fd)) { \
    case TORN: half; die(); \
    case FAIL: return failed; \
  } \
  return call

ssize_t write(int fd, const void *bytes, size_t size) {
  REAL(write);
  WRITING("write", fd, real(fd, bytes, size / 2), -1, real(fd, bytes, size));
}
ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset) {
  REAL(pwrite);
  WRITING("pwrite", fd, real(fd, bytes, size / 2, offset), -1, real(fd, bytes, size, offset));
}
ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t offset) {
  REAL(pwrite64);
  WRITING("pwrite", fd, real(fd, bytes, size / 2, offset), -1, real(fd, bytes, size, offset));
}
ssize_t writev(int fd, const struct iovec *parts, int count) {
  REAL(writev);
  WRITING("writev", fd, real(fd, parts, (count + 1) / 2), -1, real(fd, parts, count));
}
size_t fwrite(const void *bytes, size_t size, size_t count, FILE *file) {
  REAL(fwrite);
  int fd = fileno(file);
  WRITING("fwrite", fd, (real(bytes, 1, size * count / 2, file), fflush(file)), 0, real(bytes, size, count, file));
}
int fputs(const char *text, FILE *file) {
  REAL(fputs);
  int fd = fileno(file);
  WRITING("fputs", fd, fflush(file), EOF, real(text, file));
}
int fflush(FILE *file) {
  REAL(fflush);
  int fd = file ? fileno(file) : -1;
  WRITING("fflush", fd, , EOF, real(file));
}
int fclose(FILE *file) {
  REAL(fclose);
  int fd = fileno(file), done = COUNT, writes = known(fd) && (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY;
  if (writes && (done = at(SPACE, "fclose", NULL, fd)) == TORN) die();
  note(fd, 0);
  if (done == FAIL) { int error = errno; real(file); errno = error; return EOF; }
  return real(file);
}
#define SYNC(name) \
  int name(int fd) { REAL(name); WRITING(#name, fd, , -1, real(fd)); }
SYNC(fsync)
SYNC(fdatasync)
#define TRUNCATE(name, type) \
  int name(int fd, type size) { REAL(name); WRITING(#name, fd, , -1, real(fd, size)); }
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)
#define ALLOCATE(name, type) \
  int name(int fd, type start, type size) { REAL(name); WRITING(#name, fd, , state->error, real(fd, start, size)); }
ALLOCATE(posix_fallocate, off_t)
ALLOCATE(posix_fallocate64, off64_t)
ssize_t sendfile(int out, int in, off_t *offset, size_t size) {
  REAL(sendfile);
  WRITING("sendfile", out, real(out, in, offset, size / 2), -1, real(out, in, offset, size));
}
ssize_t sendfile64(int out, int in, off64_t *offset, size_t size) {
  REAL(sendfile64);
  WRITING("sendfile", out, real(out, in, offset, size / 2), -1, real(out, in, offset, size));
}
ssize_t copy_file_range(int in, off64_t *from, int out, off64_t *to, size_t size, unsigned flags) {
  REAL(copy_file_range);
  WRITING("copy_file_range", out, real(in, from, out, to, size / 2, flags), -1, real(in, from, out, to, size, flags));
}

#define READING(kind, name, fd, failed, call) \
  if (known(fd) && at(kind, name, NULL, fd) >= TORN) { if (state->mode == TORN) die(); return failed; } \
  return call

ssize_t read(int fd, void *bytes, size_t size) {
  REAL(read);
  READING(READ, "read", fd, -1, real(fd, bytes, size));
}
ssize_t pread(int fd, void *bytes, size_t size, off_t offset) {
  REAL(pread);
  READING(READ, "pread", fd, -1, real(fd, bytes, size, offset));
}
ssize_t pread64(int fd, void *bytes, size_t size, off64_t offset) {
  REAL(pread64);
  READING(READ, "pread", fd, -1, real(fd, bytes, size, offset));
}
size_t fread(void *bytes, size_t size, size_t count, FILE *file) {
  REAL(fread);
  int fd = fileno(file);
  READING(READ, "fread", fd, 0, real(bytes, size, count, file));
}
int flock(int fd, int operation) {
  REAL(flock);
  READING(LOCK, "flock", fd, -1, real(fd, operation));
}

/* Operations on paths. */
#define ON_PATH(name, kind, path, failed, call) \
  if (below(path) && at(kind, name, path, -1) >= TORN) { if (state->mode == TORN) die(); return failed; } \
  return call

int rename(const char *from, const char *to) {
  REAL(rename);
  ON_PATH("rename", CHANGE, to, -1, real(from, to));
}
int renameat(int from_fd, const char *from, int to_fd, const char *to) {
  REAL(renameat);
  ON_PATH("rename", CHANGE, to, -1, real(from_fd, from, to_fd, to));
}
int renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags) {
  REAL(renameat2);
  ON_PATH("rename", CHANGE, to, -1, real(from_fd, from, to_fd, to, flags));
}
int unlink(const char *path) {
  REAL(unlink);
  ON_PATH("unlink", CHANGE, path, -1, real(path));
}
int remove(const char *path) {
  REAL(remove);
  ON_PATH("remove", CHANGE, path, -1, real(path));
}
int rmdir(const char *path) {
  REAL(rmdir);
  ON_PATH("rmdir", CHANGE, path, -1, real(path));
}
int unlinkat(int at_fd, const char *path, int flags) {
  REAL(unlinkat);
  char full[2048] = "";
  if (at_fd != AT_FDCWD && path[0] != '/' && state) { /* shutil.rmtree works from descriptors of folders */
    path_of(at_fd, full, 1024);
    strcat(full, "/");
    strncat(full, path, 1000);
  }
  const char *name = full[0] ? full : path;
  ON_PATH("unlink", CHANGE, name, -1, real(at_fd, path, flags));
}
int mkdir(const char *path, mode_t mode) {
  REAL(mkdir);
  ON_PATH("mkdir", SPACE, path, -1, real(path, mode));
}
int mkdirat(int at_fd, const char *path, mode_t mode) {
  REAL(mkdirat);
  ON_PATH("mkdir", SPACE, path, -1, real(at_fd, path, mode));
}
int link(const char *from, const char *to) {
  REAL(link);
  ON_PATH("link", SPACE, to, -1, real(from, to));
}
int symlink(const char *from, const char *to) {
  REAL(symlink);
  ON_PATH("symlink", SPACE, to, -1, real(from, to));
}
int truncate(const char *path, off_t size) {
  REAL(truncate);
  ON_PATH("truncate", CHANGE, path, -1, real(path, size));
}
DIR *opendir(const char *path) {
  REAL(opendir);
  ON_PATH("opendir", READ, path, NULL, real(path));
}
