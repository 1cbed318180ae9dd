// SPDX-License-Identifier: Apache-2.0
/* Counts the system calls of a command between the marks of probe.c.
 *
 *     trace RESULT COMMAND [ARGUMENT ...]
 *
 * RESULT gets a line "<section> <number of the call> <count>" for each. Children and threads are followed;
 * counted are the calls of the process that set the mark. Ends as the command does, with 126 if the kernel
 * does not allow tracing. strace would do, but is seldom installed; this needs a compiler only.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/ptrace.h>

enum { MAX_TASKS = 1024, MAX_CALLS = 1024, CANNOT_TRACE = 126 };

static struct {
    pid_t task, process;
} tasks[MAX_TASKS];
static int task_count;
static pid_t counted; /* the process between two marks, 0 if none */
static unsigned long counts[MAX_CALLS];
static FILE *result;

/* The process that a task belongs to; 0 for a task not seen before, which is added. */
static pid_t process_of(pid_t task)
{
    char path[64], line[256];
    pid_t process = task;

    for (int i = 0; i < task_count; i++)
        if (tasks[i].task == task)
            return tasks[i].process;
    snprintf(path, sizeof path, "/proc/%d/status", (int)task);
    FILE *status = fopen(path, "r");
    if (status != NULL) {
        while (fgets(line, sizeof line, status) != NULL)
            if (sscanf(line, "Tgid: %d", &process) == 1)
                break;
        fclose(status);
    }
    if (task_count == MAX_TASKS) {
        fputs("trace: too many tasks\n", stderr);
        exit(1);
    }
    tasks[task_count].task = task;
    tasks[task_count++].process = process;
    return 0;
}

static void forget(pid_t task)
{
    for (int i = 0; i < task_count; i++)
        if (tasks[i].task == task)
            tasks[i] = tasks[--task_count];
}

static void enter(pid_t process, const struct __ptrace_syscall_info *info)
{
    unsigned long long number = info->entry.nr;

    if (number == SYS_prctl && info->entry.args[0] == GATE_MARK) {
        if (info->entry.args[1]) {
            memset(counts, 0, sizeof counts);
            counted = process;
        } else if (counted == process) {
            for (int i = 0; i < MAX_CALLS; i++)
                if (counts[i])
                    fprintf(result, "%llu %d %lu\n", (unsigned long long)info->entry.args[2], i, counts[i]);
            counted = 0;
        }
    } else if (process == counted && number < MAX_CALLS) {
        counts[number]++;
    }
}

int main(int argc, char **argv)
{
    int status;

    if (argc < 3 || (result = fopen(argv[1], "we")) == NULL) {
        perror("trace: RESULT COMMAND [ARGUMENT ...]");
        return 1;
    }
    pid_t command = fork();
    if (command < 0) {
        perror("trace: fork");
        return 1;
    }
    if (command == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
            _exit(CANNOT_TRACE);
        raise(SIGSTOP);
        execvp(argv[2], argv + 2);
        perror(argv[2]);
        _exit(127);
    }
    if (waitpid(command, &status, 0) != command || !WIFSTOPPED(status))
        return CANNOT_TRACE;
    long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                   PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
    if (ptrace(PTRACE_SETOPTIONS, command, NULL, (void *)options) != 0)
        return CANNOT_TRACE;
    process_of(command);
    ptrace(PTRACE_SYSCALL, command, NULL, NULL);
    for (;;) {
        pid_t task = waitpid(-1, &status, __WALL);
        if (task < 0 && errno == EINTR)
            continue;
        if (task < 0)
            return 1;
        if (!WIFSTOPPED(status)) {
            forget(task);
            if (task != command)
                continue;
            if (fclose(result) != 0)
                return 1;
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        }
        pid_t process = process_of(task);
        long sent = 0; /* signal to hand on */
        if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
            struct __ptrace_syscall_info info;
            if (ptrace(PTRACE_GET_SYSCALL_INFO, task, (void *)sizeof info, &info) <= 0)
                return CANNOT_TRACE;
            if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
                enter(process, &info);
        } else if (status >> 16 == 0 && !(process == 0 && WSTOPSIG(status) == SIGSTOP)) {
            /* events, and the stop in which a new task begins, are not signals of the program */
            sent = WSTOPSIG(status);
        }
        ptrace(PTRACE_SYSCALL, task, NULL, (void *)sent);
    }
}
