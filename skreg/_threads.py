"""How many threads a fit may use, and BLAS kept to one thread under them.

A kernel splits its work above BLAS: every worker calls a single-threaded BLAS. Two BLAS thread
pools that compete for cores are many times slower than one thread, and the number of BLAS threads
can change the last bits of a result.
"""

import threading
from contextlib import contextmanager
from functools import cache

from threadpoolctl import ThreadpoolController

_lock = threading.Lock()
_in_use = 0
_previous: list[int] = []


@cache
def _blas_libraries():
    return ThreadpoolController().select(user_api="blas").lib_controllers


@contextmanager
def worker_threads(wanted):
    """Reserve up to ``wanted`` worker threads and hold BLAS to one thread each.

    The budget is the number of threads that BLAS was allowed when the first of the concurrent fits
    of this process began: it follows ``OMP_NUM_THREADS``, `threadpoolctl.threadpool_limits` and the
    limits that joblib sets in its workers. Fits in other threads that run at the same time share
    it; each gets at least one.

    Yields
    ------
    n_workers : int
        At least 1, at most ``wanted``.
    """
    global _in_use
    with _lock:
        libraries = _blas_libraries()
        if _in_use == 0:
            _previous[:] = [library.num_threads for library in libraries]
            for library in libraries:
                library.set_num_threads(1)
        budget = max(_previous, default=1)
        granted = max(1, min(wanted, budget - _in_use))
        _in_use += granted
    try:
        yield granted
    finally:
        with _lock:
            _in_use -= granted
            if _in_use == 0:
                for library, n_threads in zip(libraries, _previous, strict=True):
                    library.set_num_threads(n_threads)
