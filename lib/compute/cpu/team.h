/* The threads of one parallel region that meet often, some ten microseconds apart: OpenMP's own
 * barriers either wait in the kernel each time or, where another program has a thread's processor,
 * spin until that is given back. These spin for a moment and then sleep. */
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

typedef struct syl_team {
    int threads;
    atomic_int arrived, turn, asleep;
    atomic_llong next; /* of what is shared out between two barriers */
} syl_team;

static inline void syl_team_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

static inline void syl_team_sleep(syl_team *team, int turn)
{
#ifdef __linux__
    atomic_fetch_add(&team->asleep, 1);
    syscall(SYS_futex, &team->turn, FUTEX_WAIT_PRIVATE, turn, NULL, NULL, 0);
    atomic_fetch_sub(&team->asleep, 1);
#else
    (void)team, (void)turn;
    sched_yield();
#endif
}

static inline void syl_team_wake(syl_team *team)
{
#ifdef __linux__
    if (atomic_load(&team->asleep))
        syscall(SYS_futex, &team->turn, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
#else
    (void)team;
#endif
}

/* All threads come by; then `next` is 0. */
static inline void syl_team_meet(syl_team *team)
{
    int turn = atomic_load_explicit(&team->turn, memory_order_relaxed);
    if (atomic_fetch_add(&team->arrived, 1) + 1 == team->threads) {
        atomic_store_explicit(&team->arrived, 0, memory_order_relaxed);
        atomic_store_explicit(&team->next, 0, memory_order_relaxed);
        atomic_store(&team->turn, turn + 1);
        syl_team_wake(team);
        return;
    }
    for (int i = 0; atomic_load(&team->turn) == turn; i++)
        if (i < SYL_TEAM_SPINS)
            syl_team_pause();
        else
            syl_team_sleep(team, turn);
}

/* The first of the next `many`. */
static inline long long syl_team_take(syl_team *team, long long many)
{
    return atomic_fetch_add_explicit(&team->next, many, memory_order_relaxed);
}

#endif
