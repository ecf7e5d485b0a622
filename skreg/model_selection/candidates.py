"""What a search was asked for: its candidates, whether that goes together, and what judges."""

import numbers
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.base import clone, is_classifier
from sklearn.model_selection import ParameterGrid, check_cv
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import _routing_enabled
from sklearn.utils.validation import _num_samples, indexable

from skreg._sparse import check_sparse
from skreg._validation import check_alphas, refuse_missing
from skreg.model_selection.criteria import CRITERIA
from skreg.model_selection.job import Job
from skreg.model_selection.pipelines import is_linear, last_step

#: Values of ``cv`` that need no splits.
WITHOUT_SPLITS = ("loo", "gcv")
#: Values of ``selection`` that judge by the rows fitted.
INFORMATION = ("aic", "bic", "ebic", "evidence")
#: Those that take the variance of the noise.
OF_NOISE = ("aic", "bic", "ebic")


def check_choices(search):
    """``alphas`` as an int, "auto", or a float64 vector of at least one value.

    Raises ValueError where the parameters do not go together.
    """
    choice = search.alphas
    if isinstance(choice, numbers.Integral):
        if choice < 1:
            raise ValueError(
                f"alphas={choice} asks for that many values of λ: give a positive number, or a "
                "list of λ."
            )
        choice = int(choice)
    elif not isinstance(choice, str):
        choice = check_alphas(choice)[0]
    by_rows = search.selection in INFORMATION
    if by_rows and search.cv is not None:
        raise ValueError(
            f"selection={search.selection!r} judges by the rows fitted: cv={search.cv!r} has no "
            'say. Leave cv=None, or use selection="best".'
        )
    if (by_rows or search.cv == "gcv") and search.scoring is not None:
        name = search.selection if by_rows else search.cv
        raise ValueError(
            f"{name!r} is a score itself: scoring={search.scoring!r} has no say. Leave "
            'scoring=None, or use cv="loo" or splits.'
        )
    if search.cv == "gcv" and search.selection == "one_std_err":
        raise ValueError(
            'selection="one_std_err" needs a standard error, which cv="gcv" has not. Use '
            'cv="loo" or splits.'
        )
    if callable(search.refit) and search.selection != "best":
        raise ValueError(
            f"selection={search.selection!r} and a callable refit both choose. Leave "
            'selection="best", or refit=True.'
        )
    if search.noise_variance is not None and search.selection not in OF_NOISE:
        raise ValueError(
            f"noise_variance={search.noise_variance} has no say in selection="
            f"{search.selection!r}. Use one of {OF_NOISE}, or leave it None."
        )
    return choice


def criterion_of(search):
    """What judges in place of splits; None for splits."""
    name = search.selection if search.selection in INFORMATION else search.cv
    if not isinstance(name, str):
        return None
    if search.noise_variance is None:
        return CRITERIA[name]
    return partial(CRITERIA[name], noise_variance=search.noise_variance)


def checked_rows(estimator, X, y):
    """X and y as splitters take them."""
    if issparse(X):
        check_sparse(X)  # before compiled code takes its rows
    refuse_missing(y)
    X, y = indexable(X, y)
    if y is None and get_tags(estimator).target_tags.required:
        raise ValueError(
            f"estimator={type(estimator).__name__} requires y to be passed, but the target y is "
            "None. Give fit the target."
        )
    return X, y


def job_of(search, X, y, routed, scorers):
    """The `Job` of the base estimator, without λ."""
    return Job(
        estimator=clone(search.estimator),
        alpha_name=alpha_name(search.estimator),
        alphas=np.empty(0),
        X=X,
        y=y,
        splits=splits_of(search, X, y, routed),
        fit_params=routed.estimator.fit,
        score_params=routed.scorer.score,
        scorers=scorers,
        return_train_score=search.return_train_score,
        error_score=search.error_score,
        n_jobs=search.n_jobs,
        verbose=search.verbose,
        resource=search.resource,
    )


def splits_of(search, X, y, routed):
    """All (train, test); none where a criterion judges."""
    if criterion_of(search) is not None:
        if not _routing_enabled() and routed.splitter.split.get("groups") is not None:
            raise ValueError(
                f"groups and {search.cv or search.selection!r} do not go together: it takes the "
                "rows as independent. Use cv=GroupKFold()."
            )
        return []
    cv = check_cv(search.cv, y, classifier=is_classifier(search.estimator))
    n_splits = cv.get_n_splits(X, y, **routed.splitter.split)
    splits = list(cv.split(X, y, **routed.splitter.split))
    if len(splits) != n_splits or not splits:
        raise ValueError(
            f"cv={search.cv!r} announces {n_splits} splits and yields {len(splits)}: give a "
            "splitter, or an iterable of at least one (train, test)."
        )
    # Masks, negative indices and those that are not there are told apart once, for all routes.
    rows = np.arange(_num_samples(X))
    return [(rows[np.asarray(train)], rows[np.asarray(test)]) for train, test in splits]


def alpha_name(estimator):
    """The name of λ in ``estimator.get_params()``.

    ``alpha`` of the estimator itself, of the last step of a Pipeline, else the only one there is of
    the estimators inside, the outermost first.

    Raises
    ------
    ValueError
        If there is none, or several with equal right.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skreg import QuadraticApproxLasso
    >>> alpha_name(make_pipeline(StandardScaler(), QuadraticApproxLasso()))
    'quadraticapproxlasso__alpha'
    """
    if isinstance(estimator, type):
        raise ValueError(
            f"estimator is the class {estimator.__name__}. Give an instance, "
            f"{estimator.__name__}()."
        )
    names = set(estimator.get_params())
    prefix, last = "", estimator
    while isinstance(last, Pipeline):
        step, last = last.steps[-1]
        prefix += f"{step}__"
    if prefix + "alpha" in names:
        return prefix + "alpha"
    inside = {name for name in names if name.endswith("__alpha")}
    inside = {name for name in inside if name.startswith(prefix)} or inside
    depth = min((name.count("__") for name in inside), default=0)
    nearest = sorted(name for name in inside if name.count("__") == depth)
    if not nearest:
        raise ValueError(
            f"estimator={estimator!r} has no parameter alpha, which is λ here. Give one that has, "
            "or use GridSearchCV over the parameter that it has instead."
        )
    if len(nearest) > 1:
        raise ValueError(
            f"estimator={estimator!r} has several parameters alpha: {', '.join(nearest)}. Use "
            "GridSearchCV over them, or make the one that is λ that of the last step of a Pipeline."
        )
    return nearest[0]


@dataclass
class Combination:
    """One choice of the other parameters, and what its λ came to.

    Attributes
    ----------
    parameters : dict
    estimator : estimator
        With these parameters; not fitted.
    place : tuple
        Number of the grid, then of each value in it: where `ParameterGrid` has it.
    alphas : ndarray of shape (n_alphas,)
    scores : Scores
    criterion : CriterionScores or None
        Where a criterion stands in for splits.
    partial : Scores or None
        After Ctrl-C, those of the splits that were finished.
    settled : bool
        Whether λ beyond these have been found not to matter.
    """

    parameters: dict
    estimator: Any
    place: tuple
    alphas: np.ndarray = field(default_factory=lambda: np.empty(0))
    scores: Any = None
    criterion: Any = None
    partial: Any = None
    settled: bool = False


def combinations(param_grid, base, name):
    """A `Combination` for every choice of the other parameters of ``base``, λ being ``name``.

    Raises as `ParameterGrid` does, and ValueError if λ is among the parameters, or not what an
    estimator goes by.
    """
    grids = ParameterGrid({} if param_grid is None else param_grid).param_grid
    found = []
    for g, grid in enumerate(grids):
        if name in grid:
            raise ValueError(
                f"param_grid names {name!r}, which is λ. Give its values as alphas={grid[name]!r}."
            )
        numbers = ParameterGrid({key: range(len(values)) for key, values in grid.items()})
        for chosen in numbers:
            parameters = {key: grid[key][i] for key, i in chosen.items()}
            estimator = clone(base).set_params(**clone(parameters, safe=False))
            _check_searchable(last_step(estimator))
            found.append(Combination(parameters, estimator, (g, chosen)))
    return found


def _check_searchable(last):
    if is_linear(last) and last.norm_bound is not None:
        raise ValueError(
            f"norm_bound={last.norm_bound} of {type(last).__name__} decides λ by itself, and alpha "
            "is ignored: there is nothing to search. Leave norm_bound=None, or use GridSearchCV "
            "over norm_bound."
        )
