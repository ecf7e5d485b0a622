"""What stands inside the Pipelines and searches that displays are given."""

from typing import Any

from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from skreg.model_selection.pipelines import names_out


def search_in(given: Any) -> tuple[Any, NDArray | None]:
    """What a fitted Pipeline ends in, and what its earlier steps call the features; None without.

    Anything else than a Pipeline is returned as it is.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skreg import QuadraticApproxRidge
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> model = make_pipeline(StandardScaler(), QuadraticApproxRidge()).fit(X, y)
    >>> estimator, names = search_in(model)
    >>> estimator, names[:2].tolist()
    (QuadraticApproxRidge(), ['age', 'sex'])
    """
    names = None
    while isinstance(given, Pipeline):
        names = names_out(given[:-1], names)
        given = given.steps[-1][1]
    return given, names


def fitted_in(given: Any) -> tuple[Any, NDArray | None]:
    """The same of Pipelines and fitted searches, of which the chosen estimator is taken."""
    given, names = search_in(given)
    while hasattr(given, "best_estimator_"):
        given, inner = search_in(given.best_estimator_)
        names = inner if inner is not None else names
    own = getattr(given, "feature_names_in_", None)
    return given, names if own is None else own


def estimator_in(given: Any) -> Any:
    """What a search is over, fitted or not; any other estimator itself."""
    while hasattr(given, "cv") and hasattr(given, "estimator"):
        given = getattr(given, "best_estimator_", given.estimator)
    return given
