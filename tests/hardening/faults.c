/* Lets one request of a process to the system fail: an allocation by some of its libraries, or a write to a file.
 *
 * Preloaded (LD_PRELOAD) into a Python that was built for release: what is tested is what is installed. Requests are
 * numbered from 1 in the order of their coming after `faults_memory` or `faults_disk`; with `at` = 0 they are counted
 * only. Linux with glibc.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void __libc_free(void *);

enum { LIBRARIES = 64, SLOTS = 1 << 14 };

/* ---- which allocations are meant: those called from the code of libraries whose path holds a word ---- */

static struct { uintptr_t first, last; } code[LIBRARIES];
static atomic_int libraries;
static atomic_long requests, fail_at;

static int add_library(struct dl_phdr_info *info, size_t size, void *part) {
    (void)size;
    if (!strstr(info->dlpi_name, part)) return 0;
    for (int i = 0; i < info->dlpi_phnum && libraries < LIBRARIES; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_X)) continue;
        code[libraries].first = info->dlpi_addr + segment->p_vaddr;
        code[libraries].last = code[libraries].first + segment->p_memsz;
        libraries++;
    }
    return 0;
}

static int is_meant(void *caller) {
    for (int i = 0; i < libraries; i++)
        if ((uintptr_t)caller >= code[i].first && (uintptr_t)caller < code[i].last) return 1;
    return 0;
}

/* ---- which of them have not been given back: a table of addresses, open addressing ---- */

static uintptr_t held[SLOTS];
static atomic_long live;
static atomic_flag lock = ATOMIC_FLAG_INIT;

static void enter(void) { while (atomic_flag_test_and_set(&lock)) {} }
static void leave(void) { atomic_flag_clear(&lock); }
static unsigned slot_of(uintptr_t address) { return (unsigned)((address >> 4) * 2654435761u) % SLOTS; }

static void hold(void *memory) {
    if (!memory || live > SLOTS / 2) return;
    enter();
    unsigned slot = slot_of((uintptr_t)memory);
    while (held[slot] > 1) slot = (slot + 1) % SLOTS;
    held[slot] = (uintptr_t)memory;
    live++;
    leave();
}

static void drop(void *memory) {
    if (!memory || !live) return;
    enter();
    for (unsigned slot = slot_of((uintptr_t)memory); held[slot]; slot = (slot + 1) % SLOTS)
        if (held[slot] == (uintptr_t)memory) {
            held[slot] = 1; /* was in use: searches go on behind it */
            live--;
            break;
        }
    leave();
}

static int fails(void *caller) {
    if (!libraries || !is_meant(caller)) return 0;
    if (++requests != fail_at) return 0;
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t size) {
    void *caller = __builtin_return_address(0), *memory;
    if (fails(caller)) return NULL;
    memory = __libc_malloc(size);
    if (libraries && is_meant(caller)) hold(memory);
    return memory;
}

void *calloc(size_t count, size_t size) {
    void *caller = __builtin_return_address(0), *memory;
    if (fails(caller)) return NULL;
    memory = __libc_calloc(count, size);
    if (libraries && is_meant(caller)) hold(memory);
    return memory;
}

void *realloc(void *old, size_t size) {
    void *caller = __builtin_return_address(0), *memory;
    if (fails(caller)) return NULL;
    memory = __libc_realloc(old, size);
    if (memory || !size) drop(old);
    if (libraries && is_meant(caller)) hold(memory);
    return memory;
}

void free(void *memory) {
    drop(memory);
    __libc_free(memory);
}

/* Let allocation `at` from libraries whose path holds `part` fail; NULL ends it. */
void faults_memory(const char *part, long at) {
    libraries = 0;
    requests = 0;
    fail_at = at;
    enter();
    memset(held, 0, sizeof held);
    live = 0;
    leave();
    if (part) dl_iterate_phdr(add_library, (void *)part);
}

long faults_memory_requests(void) { return requests; }
long faults_memory_live(void) { return live; }

/* ---- writes: of regular files, and what makes, renames and settles files ---- */

static atomic_int disk_armed, disk_stays_full;
static atomic_long disk_requests, disk_fail_at;

static int is_full(int error) {
    long number;
    if (!disk_armed) return 0;
    number = ++disk_requests;
    if (!disk_fail_at || number < disk_fail_at || (number > disk_fail_at && !disk_stays_full)) return 0;
    errno = error;
    return 1;
}

static int is_regular(int file) {
    struct stat about;
    int before = errno, regular = !fstat(file, &about) && S_ISREG(about.st_mode);
    errno = before;
    return regular;
}

ssize_t write(int file, const void *data, size_t size) {
    if (disk_armed && is_regular(file) && is_full(ENOSPC)) return -1;
    return syscall(SYS_write, file, data, size);
}

ssize_t pwrite64(int file, const void *data, size_t size, off64_t offset) {
    if (disk_armed && is_regular(file) && is_full(ENOSPC)) return -1;
    return syscall(SYS_pwrite64, file, data, size, offset);
}

ssize_t pwrite(int file, const void *data, size_t size, off_t offset) { return pwrite64(file, data, size, offset); }

int ftruncate64(int file, off64_t size) { return is_full(ENOSPC) ? -1 : (int)syscall(SYS_ftruncate, file, size); }
int ftruncate(int file, off_t size) { return ftruncate64(file, size); }
int fsync(int file) { return is_full(EIO) ? -1 : (int)syscall(SYS_fsync, file); }
int fdatasync(int file) { return is_full(EIO) ? -1 : (int)syscall(SYS_fdatasync, file); }

int rename(const char *old, const char *new) {
    return is_full(ENOSPC) ? -1 : (int)syscall(SYS_renameat2, AT_FDCWD, old, AT_FDCWD, new, 0);
}

int mkdir(const char *path, mode_t mode) { return is_full(ENOSPC) ? -1 : (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode); }

static int opened(int folder, const char *path, int flags, mode_t mode) {
    if ((flags & O_CREAT) && faccessat(folder, path, F_OK, 0) && is_full(ENOSPC)) return -1;
    return (int)syscall(SYS_openat, folder, path, flags, mode);
}

#define MODE(flags) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | O_TMPFILE)) { \
        va_list rest; \
        va_start(rest, flags); \
        mode = va_arg(rest, mode_t); \
        va_end(rest); \
    }

int open(const char *path, int flags, ...) { MODE(flags) return opened(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags) return opened(AT_FDCWD, path, flags, mode); }
int openat(int folder, const char *path, int flags, ...) { MODE(flags) return opened(folder, path, flags, mode); }
int openat64(int folder, const char *path, int flags, ...) { MODE(flags) return opened(folder, path, flags, mode); }

/* Let write `at` fail, and all after it if `stays`; `at` < 0 ends it. */
void faults_disk(long at, int stays) {
    disk_requests = 0;
    disk_fail_at = at < 0 ? 0 : at;
    disk_stays_full = stays;
    disk_armed = at >= 0;
}

long faults_disk_requests(void) { return disk_requests; }
