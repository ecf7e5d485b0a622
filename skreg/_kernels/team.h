/* Workers that share the tasks of a phase and meet at a barrier.
 *
 * One of them, worker 0, calls the others for a round of phases; between rounds they wait. A worker that
 * waits spins for a moment, since phases last microseconds, then gives its core away: if another process
 * holds a core, the team runs at the speed of what is left. Between rounds, after about a millisecond,
 * it sleeps. */
#ifndef SKREG_TEAM_H
#define SKREG_TEAM_H
#include <sched.h>
#include <time.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* What some write while others spin on what stands beside it is kept a cache line apart. */
typedef struct {
    int round; /* (number of the round << 8) + n_workers; SKREG_DISMISSED at the end */
    int n_workers;
    char apart_1[64];
    int arrived;
    int next_task; /* how many tasks of the phase are taken beside each worker's first */
    char apart_2[64];
    int phase;
    char apart_3[64];
} skreg_team;

enum { SKREG_DISMISSED = -1, SKREG_MOST_WORKERS = 255 };

/* A worker's first task of a phase is the one of its own number, which finds in its cache what it left
 * there a phase before; the others go to who asks first. */
static inline int skreg_next_task(skreg_team *team) {
    return team->n_workers + __atomic_fetch_add(&team->next_task, 1, __ATOMIC_RELAXED);
}

/* One more turn of waiting. */
static inline void skreg_pause(int turn) {
    if (turn > 2000) sched_yield();
#if defined(__x86_64__) || defined(__i386__)
    else __builtin_ia32_pause();
#endif
}

/* Ends a phase: returns when all have come, with the task counter back at 0. */
static inline void skreg_meet(skreg_team *team) {
    int phase = __atomic_load_n(&team->phase, __ATOMIC_RELAXED);
    if (__atomic_add_fetch(&team->arrived, 1, __ATOMIC_ACQ_REL) == team->n_workers) {
        team->arrived = 0;
        team->next_task = 0;
        __atomic_store_n(&team->phase, phase + 1, __ATOMIC_RELEASE);
        return;
    }
    for (int turn = 0; __atomic_load_n(&team->phase, __ATOMIC_ACQUIRE) == phase; turn++)
        skreg_pause(turn);
}

/* Worker 0 begins a round with ``n_workers``. All of the last round have met for the last time, so that
 * nobody reads what is written here and before; who is called and what for is seen at once, since
 * both are one number. */
static inline void skreg_call(skreg_team *team, int n_workers) {
    int number = ((team->round >> 8) + 1) & 0x3fffff;
    team->n_workers = n_workers;
    __atomic_store_n(&team->round, number << 8 | n_workers, __ATOMIC_RELEASE);
}

static inline void skreg_dismiss(skreg_team *team) {
    __atomic_store_n(&team->round, SKREG_DISMISSED, __ATOMIC_RELEASE);
}

/* Waits for a round that calls ``worker``; ``seen`` is the last round it has seen. Returns 0 when
 * dismissed. */
static inline int skreg_wait_for_call(skreg_team *team, int worker, int *seen) {
    for (int turn = 0;; turn++) {
        int round = __atomic_load_n(&team->round, __ATOMIC_ACQUIRE);
        if (round == SKREG_DISMISSED) return 0;
        if (round != *seen) {
            *seen = round;
            if (worker < (round & 0xff)) return 1;
        }
        if (turn < 4000)
            skreg_pause(turn);
        else
            nanosleep(&(struct timespec){0, 50000}, NULL);
    }
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
