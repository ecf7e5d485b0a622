/* Workers that share the tasks of a phase and meet at a barrier.
 *
 * One of them, worker 0, calls the others for a round of phases; between rounds they wait. A worker that
 * waits spins for a moment, since phases last microseconds, then gives its core away: if another process
 * holds a core, the team runs at the speed of what is left. Between rounds, after about a millisecond,
 * it sleeps. */
#ifndef SKREG_TEAM_H
#define SKREG_TEAM_H
#include <stdatomic.h>
#if defined(_WIN32)
#define WIN32_LEAN_AND_MEAN
#define NOMINMAX
#include <windows.h>
#else
#include <sched.h>
#include <time.h>
#endif
#if defined(__SSE2__) || defined(_M_X64)
#define SKREG_SSE2
#include <emmintrin.h>
#endif

/* What some write while others spin on what stands beside it is kept a cache line apart. */
typedef struct {
    atomic_ullong taken; /* (number of the phase << 32) + how many of the worker's tasks are taken in it */
    char apart[64];
} skreg_lane;

enum { SKREG_DISMISSED = -1, SKREG_MOST_WORKERS = 255 };

typedef struct {
    atomic_int round; /* (number of the round << 8) + n_workers; SKREG_DISMISSED at the end */
    int n_workers;
    char apart_1[64];
    atomic_int arrived;
    char apart_2[64];
    atomic_int phase;
    char apart_3[64];
    skreg_lane lanes[SKREG_MOST_WORKERS];
} skreg_team;

/* The next task of a phase of ``n_tasks`` for a worker, or -1 when all are taken. Each worker has as many that are
 * neighbors, and finds in its cache what they left there a step before; only then does it take from others, who may be
 * late. A lane that still has the number of another phase is untouched. */
static inline int skreg_take_task(skreg_team *team, int worker, int n_tasks) {
    const unsigned long long phase = (unsigned)atomic_load_explicit(&team->phase, memory_order_relaxed);
    const int n_workers = team->n_workers;
    for (int turn = 0; turn < n_workers; turn++) {
        const int owner = worker + turn < n_workers ? worker + turn : worker + turn - n_workers;
        const int is_alone = n_workers == 1; /* small networks would feel the divisions */
        const long long first = is_alone ? 0 : (long long)n_tasks * owner / n_workers;
        const long long end = is_alone ? n_tasks : (long long)n_tasks * (owner + 1) / n_workers;
        atomic_ullong *lane = &team->lanes[owner].taken;
        unsigned long long seen = atomic_load_explicit(lane, memory_order_relaxed);
        for (;;) {
            const unsigned long long taken = seen >> 32 == phase ? seen & 0xffffffffu : 0;
            const unsigned long long now = phase << 32 | (taken + 1);
            if (first + (long long)taken >= end) break;
            if (is_alone)
                atomic_store_explicit(lane, now, memory_order_relaxed);
            else if (!atomic_compare_exchange_weak_explicit(lane, &seen, now, memory_order_relaxed,
                                                            memory_order_relaxed))
                continue;
            return (int)(first + (long long)taken);
        }
    }
    return -1;
}

/* One more turn of waiting. */
static inline void skreg_pause(int turn) {
    if (turn > 2000)
#if defined(_WIN32)
        SwitchToThread();
#else
        sched_yield();
#endif
#ifdef SKREG_SSE2
    else
        _mm_pause();
#endif
}

/* Ends a phase: returns when all have come. */
static inline void skreg_meet(skreg_team *team) {
    int phase = atomic_load_explicit(&team->phase, memory_order_relaxed);
    if (team->n_workers == 1 ||
        atomic_fetch_add_explicit(&team->arrived, 1, memory_order_acq_rel) == team->n_workers - 1) {
        atomic_store_explicit(&team->arrived, 0, memory_order_relaxed);
        atomic_store_explicit(&team->phase, phase + 1, memory_order_release);
        return;
    }
    for (int turn = 0; atomic_load_explicit(&team->phase, memory_order_acquire) == phase; turn++)
        skreg_pause(turn);
}

/* Worker 0 begins a round with ``n_workers``. All of the last round have met for the last time, so that
 * nobody reads what is written here and before; who is called and what for is seen at once, since
 * both are one number. */
static inline void skreg_call(skreg_team *team, int n_workers) {
    int round = atomic_load_explicit(&team->round, memory_order_relaxed);
    int number = ((round >> 8) + 1) & 0x3fffff;
    team->n_workers = n_workers;
    atomic_store_explicit(&team->round, number << 8 | n_workers, memory_order_release);
}

static inline void skreg_dismiss(skreg_team *team) {
    atomic_store_explicit(&team->round, SKREG_DISMISSED, memory_order_release);
}

/* Waits for a round that calls ``worker``; ``seen`` is the last round it has seen. Returns 0 when
 * dismissed. */
static inline int skreg_wait_for_call(skreg_team *team, int worker, int *seen) {
    for (int turn = 0;; turn++) {
        int round = atomic_load_explicit(&team->round, memory_order_acquire);
        if (round == SKREG_DISMISSED) return 0;
        if (round != *seen) {
            *seen = round;
            if (worker < (round & 0xff)) return 1;
        }
        if (turn < 4000)
            skreg_pause(turn);
        else
#if defined(_WIN32)
            Sleep(1);
#else
            nanosleep(&(struct timespec){0, 50000}, NULL);
#endif
    }
}

/* Moments and activations that decay to 0 would pass through subnormal numbers, which cost some CPUs
 * a hundred cycles each and never reach 0 when multiplied by 0.9: inside an epoch they count as 0.
 * Returns the state to give back at the end. */
static inline unsigned skreg_flush_subnormals(void) {
#ifdef SKREG_SSE2
    unsigned state = _mm_getcsr();
    _mm_setcsr(state | 0x8040u);
    return state;
#else
    return 0;
#endif
}

static inline void skreg_restore_subnormals(unsigned state) {
#ifdef SKREG_SSE2
    _mm_setcsr(state);
#else
    (void)state;
#endif
}
#endif
