"""Workers that share tasks: see team.h."""

cdef extern from "team.h" nogil:
    ctypedef struct Team "skreg_team":
        pass

    enum:
        MOST_WORKERS "SKREG_MOST_WORKERS"

    int take_task "skreg_take_task"(Team* team, int worker, int n_tasks) noexcept
    void meet "skreg_meet"(Team* team) noexcept
    void call "skreg_call"(Team* team, int n_workers) noexcept
    void dismiss "skreg_dismiss"(Team* team) noexcept
    bint wait_for_call "skreg_wait_for_call"(Team* team, int worker, int* seen) noexcept
    unsigned flush_subnormals "skreg_flush_subnormals"() noexcept
    void restore_subnormals "skreg_restore_subnormals"(unsigned state) noexcept
