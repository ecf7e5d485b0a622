"""What a search is asked for: its parameters and rows, checked, and the splits."""

import numbers
from collections.abc import Mapping
from functools import partial

import numpy as np
from scipy.sparse import issparse
from sklearn.base import clone, is_classifier
from sklearn.model_selection import check_cv
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import _routing_enabled
from sklearn.utils.validation import _num_samples, indexable

from skreg._labels import refuse_missing, refuse_name
from skreg._sparse import check_sparse
from skreg._validation import check_alphas, is_in_memory
from skreg.model_selection.affine import check_steps, first_imputes
from skreg.model_selection.chunk_folds import chunk_parts_of, goes_by_passes
from skreg.model_selection.chunk_steps import PartsBehind
from skreg.model_selection.chunked_rows import ChunkedRows
from skreg.model_selection.cocktail import Cocktail
from skreg.model_selection.criteria import CHECKS, CRITERIA
from skreg.model_selection.job import Job
from skreg.model_selection.metrics import square_scores
from skreg.model_selection.outcome import ONE_STD_ERR
from skreg.model_selection.parts import Parts, comes_in_parts, parts_of
from skreg.model_selection.pipelines import alpha_name, is_linear, is_network, last_step
from skreg.model_selection.splitters import by_column, column_of_folds
from skreg.model_selection.stream_folds import behind, goes_by_streams, rows_of
from skreg.path.grid import N_ALPHAS

#: What stands for rows that are not in memory.
OF_CHUNKS = (Parts, ChunkedRows)
#: Values of ``cv`` that need no splits.
WITHOUT_SPLITS = ("loo", "gcv")
#: Values of ``selection`` that judge by the rows fitted.
INFORMATION = ("aic", "bic", "ebic", "evidence")
#: Those that take the variance of the noise.
OF_NOISE = ("aic", "bic", "ebic")
#: Where nothing but the kind of estimator is known: the largest λ, and the smallest.
NETWORK = (1.0, 1e-6)
ANY = (1e3, 1e-3)
#: λ per decade of such a grid, when the search may extend it.
PER_DECADE = 2


def check_choices(search):
    """``alphas`` as an int, "auto", or a float64 vector of at least one value.

    Raises ValueError where the parameters do not go together.
    """
    choice = search.alphas
    if isinstance(choice, Mapping):
        choice = check_alphas(alphas_named(choice, alpha_name(search.estimator)))[0]
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
    by_gcv = isinstance(search.cv, str) and search.cv == "gcv"
    if by_rows and search.cv is not None:
        raise ValueError(
            f"selection={search.selection!r} judges by the rows fitted: cv={search.cv!r} is not "
            'used. Leave cv=None, or use selection="best".'
        )
    if (by_rows or by_gcv) and search.scoring is not None:
        name = search.selection if by_rows else "gcv"
        raise ValueError(
            f"{name!r} is a score itself: scoring={search.scoring!r} is not used. Leave "
            'scoring=None, or use cv="loo" or splits.'
        )
    if by_gcv and search.selection in ONE_STD_ERR:
        raise ValueError(
            f"selection={search.selection!r} needs a standard error, which cv='gcv' has not. Use "
            'cv="loo" or splits.'
        )
    if callable(search.refit) and search.selection != "best":
        raise ValueError(
            f"selection={search.selection!r} and a callable refit both choose. Leave "
            'selection="best", or refit=True.'
        )
    if search.noise_variance is not None and search.selection not in OF_NOISE:
        raise ValueError(
            f"noise_variance={search.noise_variance} is not used by selection="
            f"{search.selection!r}. Use one of {OF_NOISE}, or leave it None."
        )
    return choice


def alphas_named(grid, name):
    """The values of λ of a grid as `GridSearchCV` takes it, which holds nothing else.

    Examples
    --------
    >>> alphas_named({"alpha": [1.0, 0.1]}, "alpha")
    [1.0, 0.1]
    """
    others = {key: values for key, values in grid.items() if key != name}
    if name not in grid:
        raise ValueError(f"alphas={grid!r} does not name λ, which is {name!r} here.")
    if others:
        raise ValueError(
            f"alphas names {sorted(others)} beside {name!r}, which is λ. Give "
            f"alphas={grid[name]!r} and param_grid={others!r}."
        )
    return grid[name]


def cocktail_of(search):
    """The candidates that a search asks for; None for a grid of λ."""
    return Cocktail() if isinstance(search.candidates, str) else search.candidates


def _criterion(search):
    """The name of what judges in place of splits; None for splits."""
    name = search.selection if search.selection in INFORMATION else search.cv
    if not isinstance(name, str) or column_of_folds(name) is not None:
        return None
    return name


def criterion_of(search):
    """What judges in place of splits; None for splits."""
    if (name := _criterion(search)) is None:
        return None
    given = {"tol": search.tol} if name == "loo" else {}
    if search.noise_variance is not None:
        given["noise_variance"] = search.noise_variance
    return partial(CRITERIA[name], **given) if given else CRITERIA[name]


def check_criterion(search, combinations):
    """ValueError where what judges in place of splits does not judge one of the combinations."""
    if (name := _criterion(search)) is None:
        return
    noise = search.noise_variance
    for combination in combinations:
        CHECKS[name](combination.estimator, **({} if noise is None else {"noise_variance": noise}))


def is_to_be_read(X):
    """Whether X is rows in chunks or moments, rather than rows in memory."""
    return not is_in_memory(X) and comes_in_parts(X)


def checked_rows(search, X, y, sample_weight, scorers):
    """X and y as splitters take them; `Parts` of rows in chunks, and of moments by fold."""
    estimator = search.estimator
    if is_to_be_read(X):
        by_passes, streams = goes_by_passes(estimator, X), goes_by_streams(estimator, X)
        head = [] if by_passes or streams else behind(estimator, X)
        if not (by_passes or streams):
            square_scores(check_steps(estimator, head), scorers)
        if criterion_of(search) is not None:
            raise ValueError(
                f"{search.selection if search.cv is None else search.cv!r} judges by rows in "
                "memory. For moments and rows in chunks leave cv=None, or give a number of folds."
            )
        if streams:
            rows = rows_of(search, X, y, sample_weight, scorers)
            return rows, rows
        parts: Parts
        if by_passes:
            parts = chunk_parts_of(estimator, X, y, search.cv, sample_weight, scorers)
        elif head:
            parts = PartsBehind(rows_of(search, X, y, sample_weight, scorers), search.verbose)
        else:
            parts = parts_of(X, y, search.cv, sample_weight, first_imputes(estimator))
        return parts, parts
    if issparse(X):
        check_sparse(X)  # before compiled code takes its rows
    if getattr(getattr(y, "dtype", None), "kind", "O") == "O":  # labels, rather than numbers
        refuse_missing(y)
    if isinstance(y, str):
        refuse_name(y)
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
        tol=search.tol,
        resource=search.resource,
    )


def splits_of(search, X, y, routed):
    """All (train, test); none where a criterion judges."""
    if isinstance(X, OF_CHUNKS):
        return X.splits
    if criterion_of(search) is not None:
        if not _routing_enabled() and routed.splitter.split.get("groups") is not None:
            raise ValueError(
                f"groups and {search.cv or search.selection!r} do not go together: it takes the "
                "rows as independent. Use cv=GroupKFold()."
            )
        return []
    column = column_of_folds(search.cv) if isinstance(search.cv, str) else None
    cv = search.cv if column is None else by_column(X, column)
    if cv is None and (cocktail := cocktail_of(search)) is not None:
        cv = cocktail.folds(y, is_classifier(search.estimator))
    cv = check_cv(cv, y, classifier=is_classifier(search.estimator))
    n_splits = cv.get_n_splits(X, y, **routed.splitter.split)
    splits = list(cv.split(X, y, **routed.splitter.split))
    if len(splits) != n_splits or not splits:
        raise ValueError(
            f"cv={search.cv!r} announces {n_splits} splits and yields {len(splits)}: give a "
            "splitter, or an iterable of at least one (train, test)."
        )
    # Masks, negative indices and those that are not there are told apart once, for all routes.
    rows = np.arange(_num_samples(X))
    splits = [(rows[np.asarray(train)], rows[np.asarray(test)]) for train, test in splits]
    if empty := sum(1 for train, test in splits if not (len(train) and len(test))):
        raise ValueError(
            f"cv={search.cv!r} leaves {empty} of its splits without rows to train or to test. Use "
            "fewer folds."
        )
    return splits


def automatic(estimator, choice, fitting):
    """A descending grid of λ made for the data, of so many values or "auto".

    ``fitting()`` gives the `Fitting` of all rows, of a linear estimator of this package. ValueError
    if a number of λ is asked for of an estimator whose scale of λ is not known.
    """
    if is_linear(estimator):
        return fitting().alphas(N_ALPHAS if choice == "auto" else choice)
    last = last_step(estimator)
    network = is_network(last)
    largest, smallest = NETWORK if network else ANY
    if choice == "auto":
        return np.geomspace(largest, smallest, 1 + round(PER_DECADE * np.log10(largest / smallest)))
    if network:
        return np.geomspace(largest, smallest, choice)
    raise ValueError(
        f"alphas={choice} asks for a grid from λ_max of the data, which is not known for "
        f'{type(last).__name__}. Give the values of λ, or alphas="auto", which starts from '
        f"{smallest:g} to {largest:g} and extends this as far as it takes."
    )
