"""`worker_threads` shares a budget, `in_threads` works, `Pace` finds the faster way."""

import os
import threading
import time
from itertools import pairwise

import pytest
from threadpoolctl import ThreadpoolController, threadpool_limits

from skreg import _threads
from skreg._threads import Pace, in_threads, one_blas_thread, worker_threads


def blas_threads():
    """The limits in force, one a library."""
    libraries = ThreadpoolController().select(user_api="blas").lib_controllers
    return [library.num_threads for library in libraries]


@pytest.fixture(autouse=True)
def _gives_everything_back():
    before = blas_threads()
    assert before, "no BLAS that threadpoolctl knows is loaded"
    yield
    assert blas_threads() == before
    assert _threads._in_use == 0


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_grants_no_more_than_wanted_nor_than_blas_may_use(limit):
    with threadpool_limits(limit, "blas"):
        before, budget = blas_threads(), max(blas_threads())
        for wanted in (1, 2, 5):
            with worker_threads(wanted) as granted:
                assert granted == min(wanted, budget)
                assert blas_threads() == before


def test_fits_at_the_same_time_share_the_budget_and_each_gets_one():
    with threadpool_limits(3, "blas"):
        budget = max(blas_threads())
        with worker_threads(2) as first, worker_threads(5) as second, worker_threads(5) as third:
            assert first == min(2, budget)
            assert second == max(1, budget - first)
            assert third == 1
        with worker_threads(5) as again:
            assert again == budget


def test_the_budget_comes_back_after_an_exception():
    with threadpool_limits(2, "blas"):
        budget = max(blas_threads())
        with pytest.raises(RuntimeError, match="inside"), worker_threads(2):
            raise RuntimeError("inside")
        with worker_threads(2) as granted:
            assert granted == min(2, budget)


def test_many_python_threads_at_once():
    with threadpool_limits(2, "blas"):
        budget = max(blas_threads())
        start, seen, lock = threading.Barrier(8), [], threading.Lock()

        def work():
            start.wait()
            for _ in range(50):
                with worker_threads(2) as granted, lock:
                    seen.append((granted, _threads._in_use))

        workers = [threading.Thread(target=work) for _ in range(8)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    assert len(seen) == 400
    # Beyond the budget a fit gets one thread, so 8 fits hold at most 7 beyond it.
    assert all(1 <= granted <= budget and in_use <= budget + 7 for granted, in_use in seen)


def test_holding_blas_to_one_thread_leaves_the_budget_as_it_was():
    with threadpool_limits(3, "blas"):
        budget = max(blas_threads())
        with one_blas_thread(), worker_threads(5) as granted:
            assert set(blas_threads()) == {1}
            assert granted == budget


def test_a_hold_ends_while_its_thread_has_the_lock():
    """As where garbage collection closes a search's generator in the midst of another call."""

    def holding():
        with one_blas_thread():
            yield

    generator = holding()
    next(generator)

    def close():
        with _threads._lock:
            generator.close()

    worker = threading.Thread(target=close, daemon=True)
    worker.start()
    worker.join(timeout=30)
    assert not worker.is_alive()


def test_the_limit_is_lifted_by_whichever_thread_is_last():
    """And the right to set BLAS's threads stays with those who have it."""
    first_in, second_in, left, may_end = (threading.Event() for _ in range(4))
    before, inside = blas_threads(), []

    def first():
        with one_blas_thread():
            first_in.set()
            second_in.wait(30)
        left.set()
        may_end.wait(30)  # alive while the other leaves

    def second():
        first_in.wait(30)
        with one_blas_thread():
            second_in.set()
            left.wait(30)
            inside.extend(blas_threads())

    workers = [threading.Thread(target=first), threading.Thread(target=second)]
    for worker in workers:
        worker.start()
    workers[1].join()
    lifted = blas_threads()
    with threadpool_limits(3, "blas"):
        limited = blas_threads()
    may_end.set()
    workers[0].join()
    assert set(inside) == {1}
    assert lifted == before
    assert set(limited) == {3}


def test_pieces_come_back_in_order_and_may_have_pieces_themselves():
    def row(i):
        return in_threads(lambda j: (i, j, threading.get_ident()), [(j,) for j in range(5)], 2)

    rows = in_threads(row, [(i,) for i in range(20)], 3)
    assert [[place[:2] for place in row] for row in rows] == [
        [(i, j) for j in range(5)] for i in range(20)
    ]


def test_a_piece_that_fails_says_so():
    def part(i):
        if i == 2:
            raise RuntimeError("the second piece")
        return i

    with pytest.raises(RuntimeError, match="the second piece"):
        in_threads(part, [(0,), (1,), (2,)], 2)


def test_work_goes_to_as_many_threads_as_are_asked_for():
    first = threading.Barrier(2, timeout=30)

    def part(i):
        if i < 2:  # neither of the first two is done before both are begun
            first.wait()
        return threading.get_ident()

    assert len(set(in_threads(part, [(i,) for i in range(6)], 2))) == 2
    assert set(in_threads(lambda i: threading.get_ident(), [(0,), (1,)], 1)) == {
        threading.get_ident()
    }


@pytest.mark.parametrize("failing", [0, 1])
def test_an_interrupt_leaves_what_is_not_begun(failing):
    both, begun = threading.Barrier(2, timeout=30), []

    def part(i):
        begun.append(i)
        if i < 2:
            both.wait()
        if i == failing:
            raise KeyboardInterrupt
        time.sleep(0.05)

    with pytest.raises(KeyboardInterrupt):
        in_threads(part, [(i,) for i in range(100)], 2)
    assert len(begun) < 10


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_has_threads_of_its_own():
    in_threads(lambda i: i, [(0,), (1,)], 2)
    child = os.fork()
    if child == 0:
        done = in_threads(lambda i: i, [(0,), (1,)], 2) == [0, 1]
        os._exit(0 if done else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def rounds(pace, seconds, n):
    """The numbers of workers chosen in n rounds that last ``seconds[n_workers]``."""
    chosen = []
    for _ in range(n):
        chosen.append(pace.choose())
        pace.note(chosen[-1], seconds[chosen[-1]])
    return chosen


@pytest.mark.parametrize(("seconds", "faster"), [({1: 1.0, 2: 0.6}, 2), ({1: 1.0, 2: 3.0}, 1)])
def test_pace_tries_both_and_takes_the_faster(seconds, faster):
    chosen = rounds(Pace(2), seconds, 100)
    assert set(chosen[:2]) == {1, 2}
    assert chosen.count(faster) >= 90


def test_pace_notices_when_the_machine_becomes_free():
    pace = Pace(2)
    rounds(pace, {1: 1.0, 2: 3.0}, 10)
    assert rounds(pace, {1: 1.0, 2: 0.5}, 60)[-30:].count(2) >= 25


def test_pace_tries_the_slower_way_ever_more_rarely():
    pace = Pace(2)
    chosen = rounds(pace, {1: 1.0, 2: 3.0}, 2000)
    trials = [i for i, n in enumerate(chosen) if n == 2][1:]
    gaps = [later - earlier for earlier, later in pairwise(trials)]
    assert gaps == sorted(gaps)
    assert gaps[0] == Pace.RETRY
    assert set(gaps[4:]) == {Pace.RETRY_AT_MOST}


def test_pace_spends_little_on_trials_of_one_worker_where_two_are_faster():
    pace, seconds = Pace(2), {1: 1.0, 2: 0.5}
    assert rounds(pace, seconds, 50).count(1) == 1
    chosen = rounds(pace, seconds, 2000)
    assert chosen.count(1) * (seconds[1] - seconds[2]) <= 0.02 * len(chosen) * seconds[2]
    assert 1 in chosen


def test_pace_tries_one_worker_as_soon_as_two_are_slowed_down():
    pace = Pace(2)
    rounds(pace, {1: 1.0, 2: 0.5}, 40)
    assert 1 in rounds(pace, {1: 1.0, 2: 0.95}, 3)


def test_pace_is_alert_again_after_a_change():
    pace = Pace(2)
    rounds(pace, {1: 1.0, 2: 3.0}, 2000)
    rounds(pace, {1: 1.0, 2: 0.5}, Pace.RETRY_AT_MOST + 10)
    chosen = rounds(pace, {1: 1.0, 2: 9.0}, 400)
    assert chosen.count(1) >= 390


def test_pace_of_one_worker_has_no_choice():
    assert set(rounds(Pace(1), {1: 1.0}, 50)) == {1}
