/* The threads of one parallel region that share stages of work, some ten microseconds each: every
 * thread goes through the same stages, takes tasks of a stage while there are any, and goes on when
 * all of them are done, by whomever. A thread whose processor another program has holds up nobody
 * but by the task that it is at: the others do all the rest, and it skips what is done. (With
 * barriers, of OpenMP or other, each stage would wait for it.) Who waits looks for a moment and
 * then sleeps.
 *
 *     syl_team_stage stage = {.team = &team};
 *     syl_team_begin(&stage, tasks);
 *     for (long long i; (i = syl_team_take(&stage)) >= 0; syl_team_done(&stage))
 *         work(i);
 *     syl_team_wait(&stage); */
#ifndef SYL_COMPUTE_CPU_TEAM_H
#define SYL_COMPUTE_CPU_TEAM_H

#include <limits.h>
#include <sched.h>
#include <stdatomic.h>
#ifdef __linux__
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#define SYL_TEAM_SPINS 300 /* looks at a variable: some ten microseconds */

/* Shared by the threads; all zero at first. */
typedef struct syl_team {
    atomic_llong next, done;  /* tasks of all stages so far: taken, done */
    atomic_int turns, asleep; /* stages that have ended; threads that wait in the kernel */
} syl_team;

/* A thread's own: the tasks of the stage that it is at are numbered begin ... end - 1. */
typedef struct syl_team_stage {
    syl_team *team;
    long long begin, end;
} syl_team_stage;

static inline void syl_team_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

static inline void syl_team_sleep(syl_team *team, int turns)
{
#ifdef __linux__
    atomic_fetch_add(&team->asleep, 1);
    syscall(SYS_futex, &team->turns, FUTEX_WAIT_PRIVATE, turns, NULL, NULL, 0);
    atomic_fetch_sub(&team->asleep, 1);
#else
    (void)team, (void)turns;
    sched_yield();
#endif
}

static inline void syl_team_wake(syl_team *team)
{
#ifdef __linux__
    if (atomic_load(&team->asleep))
        syscall(SYS_futex, &team->turns, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
#else
    (void)team;
#endif
}

/* The next stage, of so many tasks. */
static inline void syl_team_begin(syl_team_stage *s, long long tasks)
{
    s->begin = s->end;
    s->end += tasks;
}

/* A task of the stage that nobody has taken, from 0; -1: there is none. */
static inline long long syl_team_take(syl_team_stage *s)
{
    long long task = atomic_load(&s->team->next);
    while (task < s->end)
        if (atomic_compare_exchange_weak(&s->team->next, &task, task + 1)) return task - s->begin;
    return -1;
}

static inline void syl_team_done(syl_team_stage *s)
{
    if (atomic_fetch_add(&s->team->done, 1) + 1 < s->end) return;
    atomic_fetch_add(&s->team->turns, 1);
    syl_team_wake(s->team);
}

/* Until all tasks of the stage are done. */
static inline void syl_team_wait(syl_team_stage *s)
{
    for (int i = 0;; i++) {
        int turns = atomic_load(&s->team->turns);
        if (atomic_load(&s->team->done) >= s->end) return;
        if (i < SYL_TEAM_SPINS)
            syl_team_pause();
        else
            syl_team_sleep(s->team, turns);
    }
}

#endif
