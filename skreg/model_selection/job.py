"""What a search asks of a route, and what a route answers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


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


@dataclass(eq=False)
class Scores:
    """What became of a `Job`: one row for each λ, one column for each split.

    Attributes
    ----------
    test, train : dict of str to ndarray of shape (n_alphas, n_splits)
        By scorer; ``train`` is empty unless asked for.
    fit_time, score_time : ndarray of shape (n_alphas, n_splits)
        Seconds; a path's time is shared evenly among its λ.
    n_test : ndarray of shape (n_splits,)
        Rows in each test part.
    """

    test: dict[str, np.ndarray]
    train: dict[str, np.ndarray]
    fit_time: np.ndarray
    score_time: np.ndarray
    n_test: np.ndarray
