"""The features that the TensorFlow Playground offers, as a transformer."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted, validate_data

from skreg._documentation import DocumentedMixin
from skreg._state import Stored

#: Name: its value at the columns (a, b), and how it is written for columns of other names.
_FEATURES = {
    "x1": (lambda a, b: a, "{0}"),
    "x2": (lambda a, b: b, "{1}"),
    "x1^2": (lambda a, b: a * a, "{0}^2"),
    "x2^2": (lambda a, b: b * b, "{1}^2"),
    "x1x2": (lambda a, b: a * b, "{0} {1}"),
    "sin(x1)": (lambda a, b: np.sin(a), "sin({0})"),
    "sin(x2)": (lambda a, b: np.sin(b), "sin({1})"),
}


class PlaygroundFeatures(Stored, TransformerMixin, DocumentedMixin, BaseEstimator):
    """Seven functions of two columns: the features of the TensorFlow Playground.

    Parameters
    ----------
    features : "all" or sequence of str, default=("x1", "x2")
        Which, in the order of the result, of ``x1``, ``x2``, ``x1^2``, ``x2^2``, ``x1x2``,
        ``sin(x1)`` and ``sin(x2)``; ``"all"`` for the seven.

    Attributes
    ----------
    n_features_in_ : int
        2.
    feature_names_in_ : ndarray of shape (2,)
        Where X has string column names.

    See Also
    --------
    make_playground : The problems that go with them.

    Examples
    --------
    >>> from skreg.datasets import PlaygroundFeatures
    >>> features = PlaygroundFeatures(("x1", "x2^2", "x1x2"))
    >>> features.fit_transform([[1.0, 2.0], [3.0, -1.0]])
    array([[ 1.,  4.,  2.],
           [ 3.,  1., -3.]])
    >>> features.get_feature_names_out()
    array(['x1', 'x2^2', 'x1x2'], dtype=object)
    """

    def __init__(self, features: Sequence[str] = ("x1", "x2")) -> None:
        self.features = features

    def fit(self, X: Any, y: Any = None) -> Self:
        """Check that X has two columns.

        Parameters
        ----------
        X : array-like of shape (n_samples, 2)
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X has not two columns, or ``features`` names one that there is not.
        """
        self._names()
        self._checked(X, reset=True)
        return self

    def transform(self, X: Any) -> NDArray:
        """Work out the features.

        Parameters
        ----------
        X : array-like of shape (n_samples, 2)

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            float32 for a float32 X.
        """
        check_is_fitted(self, "n_features_in_")
        first, second = self._checked(X, reset=False).T
        return np.column_stack([_FEATURES[name][0](first, second) for name in self._names()])

    def get_feature_names_out(self, input_features: Any = None) -> NDArray:
        """Names of the features, ``x1`` and ``x2`` replaced by the columns' own names.

        Parameters
        ----------
        input_features : None or array-like of shape (2,), default=None
            Names of the columns; None for those of the X fitted, if it had any.

        Returns
        -------
        ndarray of str, shape (n_features,)
        """
        check_is_fitted(self, "n_features_in_")
        if input_features is None and not hasattr(self, "feature_names_in_"):
            return np.array(self._names(), dtype=object)
        columns = _check_feature_names_in(self, input_features)
        written = [_FEATURES[name][1].format(*columns) for name in self._names()]
        return np.array(written, dtype=object)

    def _names(self):
        if isinstance(self.features, str) and self.features == "all":
            return list(_FEATURES)
        given = self.features if np.ndim(self.features) == 1 else [self.features]
        names = [name if isinstance(name, str) else repr(name) for name in given]
        if not names or any(name not in _FEATURES for name in names):
            raise ValueError(
                f"features={self.features!r} must be 'all', or one or more of "
                f"{', '.join(_FEATURES)}."
            )
        return names

    def _checked(self, X, reset):
        X = validate_data(self, X, reset=reset, dtype=[np.float64, np.float32])
        if X.shape[1] != 2:
            raise ValueError(
                f"X has {X.shape[1]} features, but PlaygroundFeatures takes 2. Choose two columns."
            )
        return X

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
