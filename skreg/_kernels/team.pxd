"""Workers that share tasks: see team.h."""

cdef extern from "team.h" nogil:
    ctypedef struct Team "skreg_team":
        int n_workers
        int arrived
        int phase
        int next_task
        int cancelled

    int take_task "skreg_take_task"(Team* team) noexcept
    void cancel "skreg_cancel"(Team* team) noexcept
    bint meet "skreg_meet"(Team* team) noexcept
    unsigned flush_subnormals "skreg_flush_subnormals"() noexcept
    void restore_subnormals "skreg_restore_subnormals"(unsigned state) noexcept
