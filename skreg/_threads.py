"""How many threads a fit may use."""

import os
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import cache
from itertools import pairwise
from typing import Any

from joblib import Parallel, delayed
from joblib.parallel import get_active_backend
from sklearn import config_context, get_config
from sklearn.utils.parallel import delayed as delayed_with_config
from threadpoolctl import ThreadpoolController

# Reentrant: garbage collection may end a generator inside `one_blas_thread` while this thread holds
# the lock.
_lock = threading.RLock()
_in_use = 0
_holders = 0
_held: list = []


@cache
def _blas_libraries():
    return ThreadpoolController().select(user_api="blas").lib_controllers


@contextmanager
def worker_threads(wanted):
    """Reserve up to ``wanted`` threads of this process's budget.

    The budget is the number of threads that BLAS may use, so it follows ``OMP_NUM_THREADS``,
    `threadpoolctl.threadpool_limits` and the limits that joblib sets in its workers. Fits that run
    at the same time in threads of one process share it; each gets at least one.

    Parameters
    ----------
    wanted : int
        At least 1.

    Yields
    ------
    n_workers : int
        At least 1, at most ``wanted``.
    """
    global _in_use
    with _lock:
        budget = max(_blas_threads(), default=1)
        granted = max(1, min(wanted, budget - _in_use))
        _in_use += granted
    try:
        yield granted
    finally:
        with _lock:
            _in_use -= granted


def _blas_threads():
    """How many threads each BLAS may use: what it had before `one_blas_thread` held it."""
    if _holders:
        return [before for _, before in _held]
    return [library.num_threads for library in _blas_libraries()]


@contextmanager
def one_blas_thread():
    """Hold BLAS to one thread while many short products are taken.

    A short product gains little by a second thread, and waits for milliseconds where another
    process holds that thread's core. The limit is the process's: it is lifted when the last of
    those who asked for it, in any thread, is done.
    """
    global _holders, _held
    with _lock:
        if _holders == 0:
            _held = [(library, library.num_threads) for library in _blas_libraries()]
            for library, _ in _held:
                _limit(library, 1)
        _holders += 1
    try:
        yield
    finally:
        with _lock:
            _holders -= 1
            if _holders == 0:
                for library, n_threads in _held:
                    _limit(library, n_threads)


def _limit(library, n_threads):
    """Set a BLAS's threads from whichever thread holds our lock.

    From threadpoolctl 3.8 on the first thread to set OpenBLAS's threads is the only one that can,
    as long as it lives. A worker of ours must neither take that right from the user's thread, nor
    fail to lift the limit that another worker has set.
    """
    getattr(library, "_real_set_num_threads", library.set_num_threads)(n_threads)


def in_threads(part, pieces, n_workers):
    """[part(*piece) for piece in pieces], by this thread and others that are free.

    Each takes the next piece that nobody has begun, so no thread waits for one that waits. An error
    or an interrupt leaves the pieces that are not begun.
    """
    results = [None] * len(pieces)
    left = iter(list(enumerate(pieces)))

    def work():
        try:
            for i, piece in left:
                results[i] = part(*piece)
        except BaseException:
            list(left)
            raise

    others = [_pool().submit(work) for _ in range(min(n_workers, len(pieces)) - 1)]
    try:
        work()
    finally:
        begun = [other for other in others if not other.cancel()]
        wait(begun)
    for other in begun:
        other.result()
    return results


def in_stripes(part, width, stripe, wanted, place=float):
    """Call part(start, stop) for pieces of range(width), by up to ``wanted`` threads, one a piece.

    The cuts are at multiples of ``stripe``. ``place`` says at which fraction of the width a
    fraction of the work is done.
    """
    wanted = min(wanted, width // stripe)
    if wanted <= 1:
        part(0, width)
        return
    with worker_threads(wanted) as n_workers:
        in_threads(part, cut(width, stripe, n_workers, place), n_workers)


def cut(width, stripe, count, place=float):
    """(start, stop) of so many pieces of range(width), as `in_stripes` makes them."""
    count = max(min(count, width // stripe), 1)
    ends = [stripe * round(width / stripe * place(i / count)) for i in range(1, count)]
    return list(pairwise([0, *ends, width]))


@cache
def _pool():
    """Threads kept for `in_threads`: to start one takes as long as a small product."""
    return ThreadPoolExecutor(max(1, (os.cpu_count() or 1) - 1), thread_name_prefix="skreg")


# A child process has none of its parent's threads.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)


class Pace:
    """Chooses a number of workers by what has been fastest.

    Work that is split finely waits for its slowest worker, and so loses by a second thread when
    other processes hold the cores. Where the result does not depend on the number of workers, the
    clock may decide: both ways are tried at the start, and the slower one again now and then, the
    more rarely the longer it has been slower.

    That a core has become free shows only in a trial. What slows one worker down slows several as
    well, and so is seen while they work: one is tried again only where a trial costs little.

    Parameters
    ----------
    n_workers : int
        The number to compare with one.
    """

    KEPT = 2  # rounds of each way that count, the last ones
    RETRY = 20  # rounds until the first new trial; the time doubles with every one that fails
    RETRY_AT_MOST = 160
    COST_AT_MOST = 0.02  # of all the time, trials of one worker where several are faster

    def __init__(self, n_workers):
        self.seconds: dict[int, list[float]] = {n: [] for n in (n_workers, 1)}
        self.n_rounds = self.last_trial = 0
        self.patience = self.RETRY
        self.favorite = None

    def choose(self):
        """Number of workers for the next round."""
        ways = list(self.seconds)
        if len(ways) == 1:
            return ways[0]
        self.n_rounds += 1
        if self.n_rounds <= 3:  # the first with several is that in which threads wake up
            self.last_trial = self.n_rounds
            return ways[self.n_rounds % 2 - 1]
        fast, slow = sorted(ways, key=self._seconds)
        if fast != self.favorite:
            self.favorite, self.patience = fast, self.RETRY
        waited, cost = self.n_rounds - self.last_trial, self._seconds(slow) - self._seconds(fast)
        costly = slow == 1 and cost > self.COST_AT_MOST * waited * self._seconds(fast)
        if waited < self.patience or costly:
            return fast
        self.last_trial = self.n_rounds
        self.patience = min(2 * self.patience, self.RETRY_AT_MOST)
        return slow

    def _seconds(self, n_workers):
        return min(self.seconds[n_workers])

    def note(self, n_workers, seconds):
        """Take note of how long a round took."""
        self.seconds[n_workers] = [*self.seconds[n_workers][1 - self.KEPT :], seconds]


def works_elsewhere() -> bool:
    """Whether `joblib.parallel_config` is in force with a backend that joblib does not have itself.

    Dask's and Ray's workers may be on other machines.
    """
    backend, _ = get_active_backend()
    return not type(backend).__module__.startswith("joblib._parallel_backends")


def in_parallel(
    function: Callable[..., Any], calls: Iterable[dict[str, Any]], **options: Any
) -> Iterator[Any]:
    """``function(**call)`` for each call, in order, by `joblib.Parallel` with these options.

    Under the caller's configuration of scikit-learn, and in other processes under its warning
    filters. scikit-learn's own ``delayed`` sets these in threads as well, and where two threads
    enter and leave at once, the filters of the process are no longer what they were.
    """
    place = os.getpid(), get_config(), list(warnings.filters)
    parallel = Parallel(return_as="generator", **options)
    return parallel(delayed(_as_called)(place, function, call) for call in calls)


def _as_called(
    place: tuple[int, dict[str, Any], list], function: Callable[..., Any], call: dict[str, Any]
) -> Any:
    process, config, filters = place
    if os.getpid() == process:
        with config_context(**config):
            return function(**call)
    wrapped = delayed_with_config(function)()[0]
    return wrapped.with_config_and_warning_filters(config, filters)(**call)
