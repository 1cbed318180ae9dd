// SPDX-License-Identifier: Apache-2.0
/* Marks around the loops that are counted, seen by callgrind and by trace.c. Loaded by worker.py.
 * GATE_MARK is defined by meters.py, the same for both files. */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#else
/* the gate says that instructions can't be counted; the other counts need no header */
#define CALLGRIND_START_INSTRUMENTATION ((void)0)
#define CALLGRIND_TOGGLE_COLLECT ((void)0)
#define CALLGRIND_DUMP_STATS_AT(text) ((void)(text))
#endif

/* Before the first loop. Until here callgrind only translates, which makes importing pandas bearable. */
void gate_prepare(void)
{
    CALLGRIND_START_INSTRUMENTATION;
}

void gate_begin(int section)
{
    syscall(SYS_prctl, GATE_MARK, 1, section, 0, 0); /* EINVAL: no kernel knows this option */
    CALLGRIND_TOGGLE_COLLECT;
}

void gate_end(int section)
{
    char name[32];

    CALLGRIND_TOGGLE_COLLECT;
    syscall(SYS_prctl, GATE_MARK, 0, section, 0, 0);
    snprintf(name, sizeof name, "section %d", section);
    CALLGRIND_DUMP_STATS_AT(name);
}
