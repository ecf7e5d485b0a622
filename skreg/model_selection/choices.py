"""What a search was asked for: whether it goes together, and what judges, splits or a criterion."""

import numpy as np
from sklearn.base import is_classifier
from sklearn.model_selection import check_cv
from sklearn.utils.metadata_routing import _routing_enabled
from sklearn.utils.validation import _num_samples

from skreg.model_selection.alphas import check_choice
from skreg.model_selection.criteria import CRITERIA

#: Values of ``cv`` that need no splits.
WITHOUT_SPLITS = ("loo", "gcv")
#: Values of ``selection`` that judge by the rows fitted.
INFORMATION = ("aic", "bic", "ebic", "evidence")


def check_choices(search):
    """``alphas``, checked; and whether the other choices go together."""
    choice = check_choice(search.alphas)
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
    return choice


def criterion_of(search):
    """What judges in place of splits; None for splits."""
    name = search.selection if search.selection in INFORMATION else search.cv
    return CRITERIA[name] if isinstance(name, str) else None


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
