"""Successive halving over epochs: networks with a hopeless λ are stopped early.

All λ are trained for a few epochs; the better third of them, by the mean score over the splits,
goes on for three times as many, and so forth, until what is left is trained to the end (Jamieson &
Talwalkar, 2016, "Non-stochastic best arm identification and hyperparameter optimization"). Training
is held between two epochs and then goes on, so a λ that is never stopped has the very scores that a
search without halving gives it: schedules, early stopping and shuffles know nothing of the pause.
"""

import math
import threading
import time

import numpy as np
from sklearn import config_context, get_config

from skreg._warnings import in_thread
from skreg.model_selection.job import or_else, score_of
from skreg.model_selection.network_folds import Split, in_pool, threads_for
from skreg.model_selection.pipelines import is_network, last_step

#: One λ in so many goes on, for so many times the epochs.
FACTOR = 3


def serves(job):
    """A network, if ``resource="epochs"`` is asked for."""
    return job.resource == "epochs" and job.y is not None and is_network(job.estimator)


def check(estimator):
    """Raise where there are no epochs to ration."""
    if not is_network(estimator):
        raise ValueError(
            f'resource="epochs" rations the epochs of networks, and estimator={estimator!r} does '
            "not end in one. Leave resource=None."
        )


def run(job):
    """Train, stop the worse λ, or candidates, at every rung, and score what is left at the end.

    See `Route`. Scores of one that was stopped are those after its last epoch. Further columns are
    ``n_resources``, the epochs that each was allowed, and ``stopped``. Under a ``time_budget`` the
    first rung begins no more candidates once it has used its share: these are left out.
    """
    rungs = schedule(last_step(job.estimator).max_iter, len(job.alphas), job.n_rungs)
    splits = [Split(job, j) for j in range(len(job.splits))]
    n_resources = np.full(len(job.alphas), rungs[-1])
    door = Door(job.time_budget, len(rungs))
    # Candidates come one after the other where time may end.
    trials = [Trial(split, i, rungs, door) for i in range(len(job.alphas)) for split in splits]
    if job.time_budget is None:
        trials.sort(key=lambda trial: trial.split.j)
    left = np.arange(len(job.alphas))
    job.watch.expect(sum(math.ceil(len(left) / FACTOR**k) for k in range(len(rungs))))

    def stop():
        for trial in trials:
            trial.stop()

    try:
        with threads_for(job, len(trials), alone_has_all=False) as n_threads:
            for k, n_epochs in enumerate(rungs):
                tasks = [(trial, k) for trial in trials if trial.i in left]
                for (trial, _), _ in in_pool(Trial.advance, tasks, n_threads, stop):
                    job.watch.solved(trial.split.j)
                left = np.array([i for i in left if door.admits(i)])
                if k + 1 < len(rungs):
                    left, stopped = _better(job, trials, left)
                    n_resources[stopped] = n_epochs
                    _tell(job, n_epochs, rungs[-1], left, stopped)
                    for trial in trials:
                        if trial.i in stopped:
                            trial.end()
    finally:
        for trial in trials:
            trial.end()
    begun = [i for i in range(len(job.alphas)) if door.admits(i)]
    for split in splits:
        yield split.j, [t.fit for t in trials if t.split is split and door.admits(t.i)]
    more = {
        "n_resources": n_resources[begun].tolist(),
        "stopped": np.isin(begun, left, invert=True).tolist(),
    }
    return {"more": more | ({"number": begun} if job.candidates else {})}


def schedule(max_iter, n_alphas, most=math.inf):
    """Epochs after which λ are stopped, ending with ``max_iter``; ``most`` numbers at most.

    Examples
    --------
    >>> schedule(90, 10), schedule(15, 5), schedule(2, 5), schedule(100, 2), schedule(90, 99, 3)
    ([10, 30, 90], [5, 15], [2], [100], [10, 30, 90])
    """
    n_halvings = 0
    while n_halvings + 1 < most and FACTOR ** (n_halvings + 1) <= min(n_alphas, max_iter):
        n_halvings += 1
    return [math.ceil(max_iter / FACTOR**k) for k in range(n_halvings, -1, -1)]


def _better(job, trials, left):
    """The λ that go on, and those that do not."""
    fits = {i: [trial.fit for trial in trials if trial.i == i] for i in left}
    means = np.array([np.mean([score_of(fit, job.metric) for fit in fits[i]]) for i in left])
    order = left[np.argsort(-np.where(np.isfinite(means), means, -np.inf), kind="stable")]
    kept = order[: math.ceil(len(left) / FACTOR)]
    if job.candidates:  # the first is what all others are compared with
        kept = np.union1d(kept, left[:1])
    return np.sort(kept), np.setdiff1d(order, kept)


def _tell(job, n_epochs, all_epochs, left, stopped):
    if job.verbose:
        what, gone = "candidates", f"{len(stopped)} of them"
        if not job.candidates:
            alphas = ", ".join(f"{alpha:.3g}" for alpha in job.alphas[np.sort(stopped)])
            what, gone = "λ", f"{job.alpha_name}={alphas}"
        print(
            f"[PathSearchCV] after {n_epochs} of {all_epochs} epochs {len(left)} {what} go on; "
            f"stopped: {gone}"
        )


class Door:
    """Lets candidates begin for as long as the first rung has time, and a few in any case.

    Parameters
    ----------
    seconds : float or None
        For all rungs, each of which takes about as long; None for no limit.
    n_rungs : int
    """

    def __init__(self, seconds, n_rungs):
        self._lock, self._answers = threading.Lock(), {}
        share = math.inf if seconds is None else seconds / n_rungs
        self._end = time.perf_counter() + share

    def admits(self, i):
        """Whether the i-th candidate is one of those that begin: asked again, the same."""
        with self._lock:
            if i not in self._answers:
                self._answers[i] = i < FACTOR or time.perf_counter() < self._end
            return self._answers[i]


class Trial:
    """One λ on one split: a fit in a thread of its own, which is held at every rung.

    ``fit`` is what ``_fit_and_score`` returns, of the epochs trained so far.
    """

    def __init__(self, split, i, rungs, door):
        self.split, self.i, self.rungs, self.door = split, i, rungs, door
        self.fit = None
        self._thread, self._error = None, None
        self._may_go, self._is_held = threading.Event(), threading.Event()
        self._is_over = self._is_stopped = False
        self._rung, self._epochs, self._seconds, self._started = 0, 0, 0.0, 0.0
        self._config = get_config()

    def advance(self, rung):
        """Train as far as this rung and score; what goes wrong is raised here."""
        if self._is_over or self._is_stopped or not self.door.admits(self.i):
            return
        self._rung = rung
        self._started = time.perf_counter()
        self._is_held.clear()
        if self._thread is None:
            self._thread = threading.Thread(target=in_thread(self._train), daemon=True)
            self._thread.start()
        else:
            self._may_go.set()
        self._is_held.wait()
        if self._error is not None:
            raise self._error

    def stop(self):
        """Leave the training where it is, after the epoch that runs."""
        self._is_stopped = True
        self._may_go.set()

    def end(self):
        """Stop, and wait for it."""
        self.stop()
        if self._thread is not None:
            self._thread.join()

    def _train(self):
        try:
            with config_context(**self._config):
                [self.fit] = or_else(self._fit_and_score, lambda: self.split.refit(self.i))
        except _Ended:
            pass
        except BaseException as error:  # raised again by `advance`, in the thread that waits
            self._error = error
        finally:
            self._is_over = True
            self._is_held.set()

    def _fit_and_score(self):
        network = self.split.network(self.i)
        network.set_callbacks(*getattr(network, "_skl_callbacks", ()), _Hold(self))
        self._note(self.split.fit(network))
        return [self.fit]

    def _note(self, fitted):
        """Score the network as it is now."""
        self._seconds += time.perf_counter() - self._started
        self.fit = self.split.result(fitted, self._seconds)

    def after_epoch(self, fitted):
        """Called after every epoch, in the thread of the fit."""
        if self._is_stopped:
            raise _Ended
        self._epochs += 1
        # What stops by itself, or at the last epoch, is noted when it has ended.
        if self._epochs != self.rungs[self._rung] or self._rung == len(self.rungs) - 1:
            return
        self._note(fitted)
        self._is_held.set()
        self._may_go.wait()
        self._may_go.clear()
        if self._is_stopped:
            raise _Ended


class _Ended(BaseException):
    """The training was stopped: no failure of the fit."""


class _Hold:
    """A callback that tells a trial of every epoch."""

    def __init__(self, trial):
        self.trial = trial

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        if context.task_name == "epoch":
            self.trial.after_epoch(fitted_estimator)
        return False
