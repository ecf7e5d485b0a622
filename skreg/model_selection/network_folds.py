"""Networks: every λ of every split in a thread of its own, on rows gathered once for each split.

A network trains without the GIL, so threads are as good as processes, and nothing is pickled. Each
fit gets one thread; two fits at a time beat one fit on two threads.
"""

import ctypes
import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, nullcontext

from joblib import effective_n_jobs
from sklearn import config_context, get_config
from sklearn.base import clone
from sklearn.model_selection._validation import _score
from sklearn.utils.metaestimators import _safe_split
from sklearn.utils.validation import _check_method_params

from skreg._threads import one_blas_thread, worker_threads, works_elsewhere
from skreg._warnings import in_thread
from skreg.model_selection import refits
from skreg.model_selection.job import along_path, or_else
from skreg.model_selection.path_folds import looks_at_predictions_only
from skreg.model_selection.pipelines import Prefix, is_network


def serves(job):
    """A network, on its own or at the end of a Pipeline, trained to the end for every λ.

    Not where joblib was told of other machines: `refits` goes through joblib.
    """
    if job.y is None or not is_network(job.estimator) or job.resource is not None:
        return False
    return not works_elsewhere()


def run(job):
    """Fit and score every λ of every split, as many at once as there are threads.

    See `Route`; ``n_jobs=None`` stands for as many threads as BLAS may use.
    """
    splits = [Split(job, j) for j in range(len(job.splits))]
    fits: list[dict[int, dict]] = [{} for _ in splits]
    # Strong penalties train as long as weak ones: splits come one after the other, for their rows.
    tasks = [(split, i) for split in splits for i in range(len(job.alphas))]
    with threads_for(job, len(tasks)) as n_threads:
        for (split, i), fit in in_pool(Split.fit_and_score, tasks, n_threads):
            j = split.j
            fits[j][i] = fit
            job.watch.solved(j)
            if len(fits[j]) == len(job.alphas):
                split.forget()
                yield j, [fits[j][i] for i in range(len(job.alphas))]


class Split:
    """The j-th split of a job: its rows as the network sees them, gathered when first asked for."""

    def __init__(self, job, j):
        self.job, self.j = job, j
        self._lock, self._rows = threading.Lock(), None

    def fit_and_score(self, i):
        """What scikit-learn's ``_fit_and_score`` says of the i-th λ."""
        return or_else(lambda: self._fit_and_score(i), lambda: self.refit(i))[0]

    def _fit_and_score(self, i):
        start = time.perf_counter()
        fitted = self.fit(self.network(i))
        return [self.result(fitted, time.perf_counter() - start)]

    def refit(self, i):
        """The same of scikit-learn itself, after a failure."""
        return [refits.one_fit(self.job, i, self.j)]

    def network(self, i):
        """The network to be fitted for the i-th λ."""
        prefix, given = self.job.alpha_name.removesuffix("alpha"), self.job.parameters(i)
        own = {name.removeprefix(prefix): value for name, value in given.items()}
        return clone(self.rows.prefix.last).set_params(**clone(own, safe=False))

    def fit(self, network):
        """Fit it to the training rows."""
        prefix, (_, y, seen, _) = self.rows.prefix, self.rows.train
        return network.fit(seen, y, **prefix.fit_params)

    def result(self, fitted, fit_time):
        """The scores of a fitted network, as ``_fit_and_score`` returns them."""
        start = time.perf_counter()
        tests = [self.score(fitted, self.rows.test)]
        score_time = time.perf_counter() - start
        trains = [self.score(fitted, self.rows.train)] if self.job.return_train_score else None
        n_test = len(self.job.splits[self.j][1])
        return along_path(n_test, tests, trains, fit_time, score_time)[0]

    def score(self, fitted, part):
        """Scores of a fitted network on the test or on the training rows."""
        job, (X, y, seen, params) = self.job, part
        if seen is None or not looks_at_predictions_only(job.scorer, job):
            seen, fitted = X, self.rows.prefix.whole(fitted)
        return _score(fitted, seen, y, job.scorer, params, job.error_score)

    @property
    def rows(self):
        """The rows, and the earlier steps of a Pipeline fitted to those for training."""
        with self._lock:
            if self._rows is None:
                self._rows = _Rows(self.job, *self.job.splits[self.j])
            return self._rows

    def forget(self):
        """Let the rows go."""
        self._rows = None


class _Rows:
    """The parts of a split: X, y, X as the last step sees it, and what scorers are to be given."""

    def __init__(self, job, train, test):
        X, y = _safe_split(job.estimator, job.X, job.y, train)
        fit_params = _check_method_params(job.X, job.fit_params, train)
        self.prefix = Prefix(job.estimator, X, y, fit_params)
        params = _check_method_params(job.X, job.score_params, train)
        self.train = X, y, self.prefix.rows, params
        X, y = _safe_split(job.estimator, job.X, job.y, test, train)
        params = _check_method_params(job.X, job.score_params, test)
        self.test = X, y, self.prefix.transform(X), params


@contextmanager
def threads_for(job, n_tasks, *, alone_has_all=True):
    """How many networks to train at once.

    Each has one thread if there are several; one at a time may have all, where that is wanted.
    """
    wanted = n_tasks if job.n_jobs is None else min(n_tasks, effective_n_jobs(job.n_jobs))
    with one_blas_thread() if wanted > 1 else nullcontext(), worker_threads(wanted) as granted:
        n_threads = granted if job.n_jobs is None else wanted
        if n_threads > 1 or not alone_has_all:
            yield n_threads
            return
    # Out of the reservation: the one fit that runs may have all threads for itself.
    yield 1


def in_pool(function, tasks, n_threads, stop=None):
    """Call ``function(*task)`` for every task; yields tasks and results as they come.

    The first exception ends them all. Ctrl-C reaches the main thread only, so the fits run
    elsewhere. ``stop()`` ends those that run; without it an exception is set in their threads, and
    raised after the epoch that runs.
    """
    config, running, is_over = get_config(), set(), threading.Event()

    def one(task):
        running.add(threading.get_ident())
        try:
            if is_over.is_set():
                return None
            with config_context(**config):
                return function(*task)
        finally:
            running.discard(threading.get_ident())

    with ThreadPoolExecutor(n_threads, thread_name_prefix="skreg-search") as pool:
        run = in_thread(one)
        futures = {pool.submit(run, task): task for task in tasks}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            is_over.set()
            stop_threads(running) if stop is None else stop()
            raise


def stop_threads(idents):
    """Raise KeyboardInterrupt in these threads at their next step of Python."""
    for ident in list(idents):
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(ident), ctypes.py_object(KeyboardInterrupt)
        )
