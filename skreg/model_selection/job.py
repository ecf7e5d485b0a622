"""What a search asks of a route, what a route answers, and who is told on the way."""

import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics._scorer import _MultimetricScorer
from sklearn.model_selection._validation import _insert_error_scores

from skreg._validation import relative
from skreg.path import RegularizationPath

T = TypeVar("T")
#: Seconds in which a search says something.
EVERY = 2.0


class Watch:
    """Tells callbacks, and with ``verbose`` the user, how many splits and λ are done.

    Every split is a task of the search for callbacks, in the context of all splits of all
    combinations. Where none has ended for `EVERY` seconds, the λ of the splits that are being
    worked at become tasks of their own. Without a ``search`` nobody watches.

    As a context, it has a thread say where things stand while a single λ takes long, and while what
    is done is none: reading, the choice of a grid, or the fit to all rows.
    """

    def __init__(self, search: Any = None) -> None:
        self._search, self._lock = search, threading.Lock()
        self._context: Any = None
        self._is_called = bool(getattr(search, "_skl_callbacks", ()))
        self._verbose = 0 if search is None else search.verbose
        self._begin = self._said = self._heard = time.perf_counter()
        self._n_splits = self._n_fits = self._n_before = self._n_done = 0
        self._solved: Counter[int] = Counter()
        self._told: Counter[int] = Counter()
        self._tasks: dict[int, Any] = {}
        self._doing: str | None = None
        self._over = threading.Event()
        self._clock = threading.Thread(target=self._keep_saying, daemon=True)

    def __reduce__(self):
        return Watch, ()  # other processes tell nobody

    def __enter__(self) -> "Watch":
        if self._verbose > 0:
            self._clock.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._verbose > 0:
            self._clock.join()

    def _keep_saying(self):
        """A line wherever `EVERY` seconds went by without one."""
        rest = EVERY
        while not self._over.wait(max(rest, 0.1)):
            with self._lock:
                now = time.perf_counter()
                self._say(now)
                rest = self._said + EVERY - now

    def announce(self, choice: Any, n_combinations: int, n_splits: int, context: Any) -> None:
        """Say how much there is to do: λ that are given, their number, or the name of a grid.

        The ``context`` is that of all splits, for callbacks.
        """
        self._context, self._heard = context, time.perf_counter()
        n_paths = n_combinations * n_splits
        much = "λ of grids that are extended as far as it takes"
        if not isinstance(choice, str):
            n = n_combinations * (choice if isinstance(choice, int) else len(choice))
            much = f"of {n} candidates, totaling {n * n_splits} fits"
        if self._verbose > 0:
            print(f"Fitting {n_splits} folds for each {much}, in {n_paths} paths", flush=True)

    def turns_to(self, doing: str) -> None:
        """What is done from here on is no fit of a split."""
        self._doing = doing

    def begin(self, n_splits: int, n_fits: int) -> None:
        """A job of so many splits begins, each of so many fits."""
        self._doing = None
        self._n_before += self._n_done  # none of a route that declined: its tasks are taken over
        self._n_splits, self._n_fits, self._n_done = n_splits, n_fits, 0
        self._solved.clear()

    def expect(self, n_fits: int) -> None:
        """Each split takes so many fits after all."""
        self._n_fits = n_fits

    @property
    def is_on(self) -> bool:
        """Whether anybody watches."""
        return self._is_called or self._verbose > 0

    def of_split(self, j: int) -> Callable[[int], None] | None:
        """What solvers are to call for each λ of a split; None where nobody watches."""
        return partial(self.solved, j) if self.is_on else None

    def solved(self, j: int, i: int = 0) -> None:
        """Another fit of split j is done, that of the i-th λ: called in any thread."""
        with self._lock:
            self._solved[j] += 1
            now = time.perf_counter()
            if self._is_called and (j in self._tasks or now - self._heard > EVERY):
                self._tell_of_alphas(j)
            self._say(now)

    def on_pass(self, number: int, n_points: int) -> None:
        """A pass over rows in chunks begins, at so many points."""
        if self._verbose > 0:
            seconds = time.perf_counter() - self._begin
            print(
                f"[PathSearchCV] {seconds:.0f} s: pass {number} over the rows, {n_points} points",
                flush=True,
            )

    def split_done(self, j: int, fits: list[dict]) -> None:
        """Split j has its scores."""
        with self._lock:
            self._solved[j], self._heard = self._n_fits, time.perf_counter()
            self._n_done += 1
            if self._is_called:
                if j in self._tasks:
                    self._tell_of_alphas(j)
                task = self._tasks.pop(j, None) or self._task(j, 0)
                self._told[j] = 0
                task.call_on_fit_task_end(estimator=self._search)
            if self._verbose > 1:
                seconds = sum(fit["fit_time"] + fit["score_time"] for fit in fits)
                print(f"[PathSearchCV] split {j + 1}/{self._n_splits}: {seconds:.2f} s")
            self._say(self._heard)

    def _task(self, j, n_fits):
        task = self._context.subcontext(
            task_name="split-evaluation", task_id=self._n_before + j, max_subtasks=n_fits
        )
        return task.call_on_fit_task_begin(estimator=self._search)

    def _tell_of_alphas(self, j):
        """A task for every λ of split j that has been solved and not been told of."""
        if j not in self._tasks:
            self._tasks[j] = self._task(j, self._n_fits)
        while self._told[j] < self._solved[j]:
            self._told[j] += 1
            one = self._tasks[j].subcontext(task_name="alpha")
            one.call_on_fit_task_begin(estimator=self._search)
            one.call_on_fit_task_end(estimator=self._search)
        self._heard = time.perf_counter()

    def _say(self, now):
        if self._verbose < 1 or now - self._said < EVERY:
            return
        self._said = now
        n_fits = self._n_splits * self._n_fits
        much = f"{self._n_done} of {self._n_splits} splits, {self._solved.total()} of {n_fits} fits"
        print(f"[PathSearchCV] {now - self._begin:.0f} s: {self._doing or much}", flush=True)


@contextmanager
def task_of(root: Any, name: str, search: Any, **more: Any) -> Iterator[Any]:
    """The context of a task of a search for callbacks, from its begin to its end."""
    context = root.subcontext(task_name=name, **{"max_subtasks": None, **more})
    context.call_on_fit_task_begin(estimator=search)
    yield context
    context.call_on_fit_task_end(estimator=search)


@dataclass(frozen=True, eq=False)
class Job:
    """One combination of the other parameters, every λ, every split."""

    estimator: Any  # not fitted, every parameter set but λ; it may be a Pipeline
    alpha_name: str  # λ in its ``get_params()``: ``alpha``, or ``lasso__alpha`` in a Pipeline
    alphas: np.ndarray  # in the order in which results are wanted
    X: Any
    y: Any
    splits: list  # of (train, test), indices of rows
    fit_params: dict  # for ``estimator.fit`` beside X and y, of all rows
    score_params: dict  # for the scorers, of all rows
    scorers: dict[str, Callable]  # by name; ``score`` where there is one only
    return_train_score: bool = False
    error_score: Any = np.nan
    n_jobs: int | None = None
    verbose: int = 0
    tol: float = 0.0  # error of a score that does not matter, as a share of its standard error
    resource: str | None = None  # what successive halving rations: "epochs"
    metric: Any = None  # name of the scorer by which it does
    candidates: tuple = ()  # parameters of each, by name, where these differ in more than λ
    n_rungs: float = math.inf  # how often halving looks at most
    time_budget: float | None = None  # seconds for all of them together
    # What routes keep from one job to the next: all jobs of a search have the same rows, splits and
    # parameters of ``fit``.
    shared: dict[Any, Any] = field(default_factory=dict)
    watch: Watch = field(default_factory=Watch)

    def __post_init__(self) -> None:
        for name in ("fit_params", "score_params"):
            object.__setattr__(self, name, _in_range(getattr(self, name)))

    def parameters(self, i: int) -> dict[str, Any]:
        """Those of the i-th candidate, by name."""
        if self.candidates:
            return self.candidates[i]
        return {self.alpha_name: self.alphas[i].item()}

    @property
    def enough(self) -> float:
        """The relative duality gap that scores ask of the solutions of a training part.

        A gap of ε, relative to the risk R₀ of the null model, leaves errors of about √(2ε·R₀/c) in
        raw predictions, c being the mean curvature of the rows. On n held-out rows they move the
        mean loss by about that over √n, as its standard error is a number of that order over √n.
        1e-6·tol² leaves room for what the order hides.
        """
        return 1e-6 * self.tol**2

    @property
    def scorer(self):
        """All scorers as one callable ``scorer(estimator, X, y, **score_params)``.

        A number where there is one only, else a dict; to be called by scikit-learn's ``_score``,
        which knows what ``error_score`` asks.
        """
        if set(self.scorers) == {"score"}:
            return self.scorers["score"]
        return _MultimetricScorer(scorers=self.scorers, raise_exc=self.error_score == "raise")


@dataclass(eq=False)
class Scores:
    """What became of a `Job`."""

    # For each split and each λ what scikit-learn's ``_fit_and_score`` returns: ``test_scores`` and,
    # if asked for, ``train_scores`` (a number, or a dict of numbers by scorer), ``fit_time`` and
    # ``score_time`` (a path's are shared evenly among its λ), ``n_test_samples`` and ``fit_error``
    # (a traceback or None).
    fits: list[list[dict]]
    path: RegularizationPath | None = None  # on all rows, where a route has it at hand
    more: dict[str, list] = field(default_factory=dict)  # further columns, one entry for each λ

    def table(self, scorer: Any = None) -> NDArray[np.float64]:
        """Test scores by one scorer, see `score_of`, shape (n_alphas, n_splits)."""
        rows = [[score_of(fit, scorer) for fit in fits] for fits in self.fits]
        return np.array(rows, dtype=np.float64).T


def score_of(fit: dict, scorer: Any = None) -> float:
    """A test score of a fit: by this name if there are several, the first where it is unknown."""
    scores = fit["test_scores"]
    if not isinstance(scores, dict):
        return scores
    return scores[scorer] if scorer in scores else next(iter(scores.values()))


def _in_range(params: dict[str, Any]) -> dict[str, Any]:
    """Parameters of fits or scorers whose sample weights, which are relative, add up."""
    out = dict(params)
    for name, weights in params.items():
        if name.rpartition("__")[2] == "sample_weight" and weights is not None:
            weights = np.asarray(weights)
            if weights.dtype.kind == "f" and 0 < weights.max(initial=0) < np.inf:
                out[name] = relative(weights)
    return out


class Declined(Exception):
    """A route cannot serve a job, or a split of it: the next route takes it.

    Its ``__cause__``, if there is one, is what the user's data or code raised.
    """


def attempt(function: Callable[..., T], *arguments: Any) -> T:
    """What a call returns; `Declined` where it raises.

    For calls that may end in the code of others: steps of a Pipeline, callbacks, metrics.
    """
    try:
        return function(*arguments)
    except Declined:
        raise
    # The only one that is this broad: a fit may raise anything, and GridSearchCV's contract is to
    # go on with ``error_score``. `or_else` sees to it that no fault of this package is lost.
    except Exception as error:
        raise Declined(str(error)) from error


def or_else(fast: Callable[[], list[dict]], slow: Callable[[], list[dict]]) -> list[dict]:
    """Results of fits by a fast way, or by a slow one where the fast way fails.

    The slow way tells which λ are to blame. If it blames none, the error was the fast way's own,
    and reaches the user.
    """
    try:
        return attempt(fast)
    except Declined as declined:
        fits = slow()
        if declined.__cause__ is not None and all(fit["fit_error"] is None for fit in fits):
            raise declined.__cause__ from None
        return fits


def scores_of(job: Job, splits: list[list[dict]]) -> Scores:
    """`Scores` of the fits of each split, ``error_score`` by name for those that failed."""
    flat = [fit for fits in splits for fit in fits]
    _insert_error_scores(flat, job.error_score)
    return Scores(splits)


def along_path(n_test, tests, trains, fit_seconds, score_seconds):
    """The results of a split as single fits: scores of every λ, the time shared among them.

    ``trains`` is None unless the scores of the training part are wanted.
    """
    common = {
        "fit_time": fit_seconds / len(tests),
        "score_time": score_seconds / len(tests),
        "n_test_samples": n_test,
        "fit_error": None,
    }
    fits = [{"test_scores": score, **common} for score in tests]
    if trains is not None:
        for fit, score in zip(fits, trains, strict=True):
            fit["train_scores"] = score
    return fits


class Route(Protocol):
    """A module that knows a way to the scores of some jobs; `evaluation.ROUTES` has all of them."""

    def serves(self, job: Job) -> bool:
        """Whether it does for this one."""

    def run(self, job: Job) -> Generator[tuple[int, list[dict]], None, dict | None]:
        """Fit every λ to the training part of each split, and score it on the test part.

        Yields the number of each split and its fits, as `Scores` has them; returns further fields
        of the `Scores`. Raises `Declined`, before the first split, if another route has to serve.
        """
