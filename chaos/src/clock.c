/* Stands between a program and its wall clock (LD_PRELOAD): adds the nanoseconds that stand
 * in the file named by CHAOS_CLOCK. Monotonic clocks stay, as they do when the clock of a
 * real machine is set.
 *
 * Rejected: libfaketime. It looks up functions and takes locks the first time it is asked,
 * which is inside Envoy's allocator, and hangs there (0.9.10, Envoy 1.40). This asks the
 * kernel itself, allocates nothing and takes no lock.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL

/* What is added, and how often it was. */
static volatile int64_t *offset;

__attribute__((constructor)) static void open_offset(void) {
    const char *path = getenv("CHAOS_CLOCK");
    int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *page = mmap(0, 2 * sizeof *offset, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (page != MAP_FAILED) offset = page;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int failed = (int)syscall(SYS_clock_gettime, clock, now);
    if (failed || !offset || (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE))
        return failed;
    __atomic_fetch_add(offset + 1, 1, __ATOMIC_RELAXED);
    int64_t nanoseconds = now->tv_sec * SECOND + now->tv_nsec + *offset;
    now->tv_sec = nanoseconds / SECOND;
    now->tv_nsec = nanoseconds % SECOND;
    return 0;
}

int gettimeofday(struct timeval *now, void *zone) {
    (void)zone;
    struct timespec precise;
    if (clock_gettime(CLOCK_REALTIME, &precise)) return -1;
    now->tv_sec = precise.tv_sec;
    now->tv_usec = precise.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *also) {
    struct timespec precise;
    if (clock_gettime(CLOCK_REALTIME, &precise)) return -1;
    if (also) *also = precise.tv_sec;
    return precise.tv_sec;
}
