// SPDX-License-Identifier: Apache-2.0
/* Preloaded: a coarse clock that advances with each reading instead of with time.
 *
 * The product looks at its connection when that clock has moved on by a millisecond. With real time the number
 * of looks is a matter of how fast the machine is at the moment, and below valgrind nearly every call would
 * have one. So it is every fourth call.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>

enum { STEP_NS = 250000 };

static int (*real)(clockid_t, struct timespec *);

__attribute__((constructor)) static void find(void)
{
    *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
}

int clock_gettime(clockid_t id, struct timespec *time)
{
    static struct timespec coarse = {.tv_sec = 1000};

    if (id != CLOCK_MONOTONIC_COARSE) {
        if (real == NULL)
            find();
        return real(id, time);
    }
    coarse.tv_nsec += STEP_NS;
    if (coarse.tv_nsec >= 1000000000) {
        coarse.tv_nsec -= 1000000000;
        coarse.tv_sec++;
    }
    *time = coarse;
    return 0;
}
