"""What a search asks of a route, and what a route answers."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics._scorer import _MultimetricScorer
from sklearn.model_selection._validation import _insert_error_scores

from skreg.path import RegularizationPath

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Job:
    """One combination of the other parameters, every λ, every split.

    Attributes
    ----------
    estimator : estimator
        Not fitted; every parameter set but λ. It may be a Pipeline.
    alpha_name : str
        The name of λ in ``estimator.get_params()``: ``alpha``, or ``lasso__alpha`` in a Pipeline.
    alphas : ndarray of shape (n_alphas,)
        λ, in the order in which results are wanted.
    X, y : as given to ``fit``
    splits : list of (train, test)
        Indices of rows.
    fit_params : dict
        What ``estimator.fit`` is to be given beside X and y, for all rows.
    score_params : dict
        What the scorers are to be given, for all rows.
    scorers : dict of str to callable
        By name; ``score`` where there is one only.
    return_train_score : bool
    error_score : "raise" or float
    n_jobs : None or int
    verbose : int
    resource : None or "epochs"
        What successive halving rations.
    metric : None or str
        Name of the scorer by which it does.
    shared : dict
        What routes keep from one job to the next: all jobs of a search have the same rows, splits
        and parameters of ``fit``.
    """

    estimator: Any
    alpha_name: str
    alphas: np.ndarray
    X: Any
    y: Any
    splits: list
    fit_params: dict
    score_params: dict
    scorers: dict[str, Callable]
    return_train_score: bool = False
    error_score: Any = np.nan
    n_jobs: int | None = None
    verbose: int = 0
    resource: str | None = None
    metric: Any = None
    shared: dict[Any, Any] = field(default_factory=dict)

    @property
    def scorer(self):
        """All scorers as one callable ``scorer(estimator, X, y, **score_params)``.

        A number where there is one only, else a dict; to be called by scikit-learn's ``_score``,
        which knows what ``error_score`` asks.
        """
        if set(self.scorers) == {"score"}:
            return self.scorers["score"]
        return _MultimetricScorer(scorers=self.scorers, raise_exc=self.error_score == "raise")

    def report(self, j, fits):
        """Say of a split that it is done, if the user wants to know."""
        if self.verbose > 1:
            seconds = sum(fit["fit_time"] + fit["score_time"] for fit in fits)
            print(f"[PathSearchCV] split {j + 1}/{len(self.splits)}: {seconds:.2f} s")


@dataclass(eq=False)
class Scores:
    """What became of a `Job`.

    Attributes
    ----------
    fits : list of list of dict
        For each split and each λ what scikit-learn's ``_fit_and_score`` returns: ``test_scores``
        and, if asked for, ``train_scores`` (a number, or a dict of numbers by scorer),
        ``fit_time`` and ``score_time`` (a path's are shared evenly among its λ),
        ``n_test_samples`` and ``fit_error`` (a traceback or None).
    path : RegularizationPath or None
        The path on all rows, where a route has it at hand.
    more : dict of str to list of length n_alphas
        Further columns of ``cv_results_``.
    """

    fits: list[list[dict]]
    path: RegularizationPath | None = None
    more: dict[str, list] = field(default_factory=dict)

    def table(self, scorer: Any = None, key: str = "test_scores") -> NDArray[np.float64]:
        """Scores by one scorer, see `score_of`, shape (n_alphas, n_splits)."""
        return np.array(
            [[score_of(fit, scorer, key) for fit in fits] for fits in self.fits], dtype=np.float64
        ).T


def score_of(fit: dict, scorer: Any = None, key: str = "test_scores") -> float:
    """One score of a fit: by this name if there are several, the first where it is unknown."""
    scores = fit[key]
    if not isinstance(scores, dict):
        return scores
    return scores[scorer] if scorer in scores else next(iter(scores.values()))


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


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, with the `Scores` of the splits that were finished, the first ones of the job."""

    def __init__(self, scores):
        super().__init__()
        self.scores = scores


def scores_of(job, splits):
    """`Scores` of the fits of each split, ``error_score`` by name for those that failed."""
    if any(fit["fit_error"] is not None for fits in splits for fit in fits):
        flat = [fit for fits in splits for fit in fits]
        if any(isinstance(fit.get("test_scores"), dict) for fit in flat):
            _insert_error_scores(flat, job.error_score)
    return Scores(splits)


def interrupted(job, splits):
    """`Interrupted`, with what the first splits gave."""
    return Interrupted(scores_of(job, splits) if splits else None)


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

    def run(self, job: Job, on_fold: Callable[[int, int], None]) -> Scores:
        """Fit every λ to the training part of each split, and score it on the test part.

        Parameters
        ----------
        job : Job
        on_fold : callable
            ``on_fold(i, n)`` is called after each of the n splits.

        Returns
        -------
        Scores

        Raises
        ------
        Declined
            If it turns out that another route has to serve.
        Interrupted
            By Ctrl-C.
        """
