/* Workers that share the tasks of a phase and meet at a barrier.
 *
 * A worker that waits spins for a moment, since phases last microseconds, and then gives its core
 * away: if another process holds a core, the team runs at the speed of what is left. */
#ifndef SKREG_TEAM_H
#define SKREG_TEAM_H
#include <sched.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

typedef struct {
    int n_workers;
    int arrived;
    int phase;
    int next_task; /* the first task of the phase that nobody has taken */
    int cancelled;
} skreg_team;

static inline int skreg_take_task(skreg_team *team) {
    return __atomic_fetch_add(&team->next_task, 1, __ATOMIC_RELAXED);
}

/* Tells workers that wait, or will, that somebody never comes. */
static inline void skreg_cancel(skreg_team *team) {
    __atomic_store_n(&team->cancelled, 1, __ATOMIC_RELEASE);
}

/* Ends a phase: returns 0 when all have come, with the task counter back at 0; 1 if cancelled. */
static inline int skreg_meet(skreg_team *team) {
    int phase = __atomic_load_n(&team->phase, __ATOMIC_RELAXED);
    if (__atomic_add_fetch(&team->arrived, 1, __ATOMIC_ACQ_REL) == team->n_workers) {
        team->arrived = 0;
        team->next_task = 0;
        __atomic_store_n(&team->phase, phase + 1, __ATOMIC_RELEASE);
        return 0;
    }
    for (int spins = 0; __atomic_load_n(&team->phase, __ATOMIC_ACQUIRE) == phase; spins++) {
        if (__atomic_load_n(&team->cancelled, __ATOMIC_ACQUIRE)) return 1;
        if (spins > 2000) sched_yield();
#if defined(__x86_64__) || defined(__i386__)
        else __builtin_ia32_pause();
#endif
    }
    return 0;
}

/* Moments and activations that decay to 0 would pass through subnormal numbers, which cost some CPUs
 * a hundred cycles each and never reach 0 when multiplied by 0.9: inside an epoch they count as 0.
 * Returns the state to give back at the end. */
static inline unsigned skreg_flush_subnormals(void) {
#if defined(__SSE2__)
    unsigned state = _mm_getcsr();
    _mm_setcsr(state | 0x8040u);
    return state;
#else
    return 0;
#endif
}

static inline void skreg_restore_subnormals(unsigned state) {
#if defined(__SSE2__)
    _mm_setcsr(state);
#else
    (void)state;
#endif
}
#endif
