"""What stands inside the Pipelines and searches that displays are given."""

from typing import Any

from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from skreg.model_selection.pipelines import names_out


def search_in(given: Any) -> Any:
    """What a fitted Pipeline ends in; anything else as it is."""
    while isinstance(given, Pipeline):
        given = given.steps[-1][1]
    return given


def fitted_in(given: Any) -> tuple[Any, NDArray | None]:
    """The estimator in fitted Pipelines and searches, and the names of its features, if it has any.

    They are those of the columns it was fitted on, or what the earlier steps tell.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skreg import QuadraticApproxRidge
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> model = make_pipeline(StandardScaler(), QuadraticApproxRidge()).fit(X, y)
    >>> estimator, names = fitted_in(model)
    >>> estimator, names[:2].tolist()
    (QuadraticApproxRidge(), ['age', 'sex'])
    """
    names = None
    while isinstance(given, Pipeline) or hasattr(given, "best_estimator_"):
        if isinstance(given, Pipeline):
            names = names_out(given[:-1], names)
        given = given.steps[-1][1] if isinstance(given, Pipeline) else given.best_estimator_
    own = getattr(given, "feature_names_in_", None)
    if own is not None:
        return given, own
    told = names is not None and len(names) == getattr(given, "n_features_in_", len(names))
    return given, names if told else None


def estimator_in(given: Any) -> Any:
    """What a search is over, fitted or not; any other estimator itself."""
    while hasattr(given, "cv") and hasattr(given, "estimator"):
        given = getattr(given, "best_estimator_", given.estimator)
    return given
