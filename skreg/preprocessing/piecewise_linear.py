"""Piecewise-linear encoding of numerical features."""

from numbers import Integral
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import _fit_context
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn.utils import Tags
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import (
    _check_feature_names_in,
    _check_y,
    check_consistent_length,
    check_is_fitted,
)

from skreg.preprocessing._numeric import NumericTransformer
from skreg.preprocessing._quantiles import weighted_quantiles


class PiecewiseLinearEncoder(NumericTransformer):
    r"""Each number as how far it has come through each of its feature's bins.

    With the edges :math:`b_0 < \dots < b_T` of a feature's bins, x becomes the T numbers

    .. math::

        e_t(x) = \frac{x - b_{t-1}}{b_t - b_{t-1}} \text{ within bin } t, \quad
        0 \text{ below and } 1 \text{ above it},

    where the first bin goes on below :math:`b_0` and the last one above :math:`b_T`, linearly [1]_.
    A linear model of the result is a continuous piecewise-linear function of every feature, with
    its bends at the inner edges; x itself is :math:`b_0 + \sum_t (b_t - b_{t-1}) e_t(x)`. A network
    behind it can bend where the data are, which a first layer on x has to learn.

    Parameters
    ----------
    n_bins : int, default=16
        The most bins of a feature. Equal edges count once, so that a feature with few values has
        fewer bins; one with two values has one.
    strategy : {"quantile", "tree"}, default="quantile"
        Where edges are: at quantiles of the feature, or where a decision tree of y by this feature
        alone splits.
    min_bin_samples : int, default=10
        The least number of rows meant for a bin: with "quantile" there are no more bins than rows
        that have a value divided by it, with "tree" no leaf has fewer of them. Given
        ``sample_weight``, rows count by their weights.
    target_type : {"auto", "continuous", "multiclass"}, default="auto"
        What y is for ``strategy="tree"``: numbers or classes. "auto" takes whole numbers for
        classes, so say "continuous" for counts.

    Attributes
    ----------
    bin_edges_ : list of ndarray of shape (n_bins of the feature + 1,)
        Edges of each feature's bins.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Where X has string column names.

    See Also
    --------
    RobustClipScaler : Keeps one column a feature, and tames its tails.
    sklearn.preprocessing.SplineTransformer : Smooth bases of each feature.
    sklearn.preprocessing.KBinsDiscretizer : Bins without the position within them.

    Notes
    -----
    Missing values (NaN) are disregarded in `fit` and maintained in `transform`: every column of the
    feature is NaN then. Put an imputer before it or after it. A feature without two different
    values has one bin of width 1.

    References
    ----------
    .. [1] Y. Gorishniy, I. Rubachev, A. Babenko (2022). On embeddings for numerical features in
       tabular deep learning. *NeurIPS*, equation 1.

    Examples
    --------
    >>> from skreg.preprocessing import PiecewiseLinearEncoder
    >>> X = [[0.0], [1.0], [2.0], [4.0], [8.0]]
    >>> encoder = PiecewiseLinearEncoder(n_bins=2, min_bin_samples=1).fit(X)
    >>> encoder.bin_edges_
    [array([0., 2., 8.])]
    >>> encoder.transform([[1.0], [5.0], [11.0]])
    array([[0.5, 0. ],
           [1. , 0.5],
           [1. , 1.5]])
    >>> encoder.get_feature_names_out()
    array(['x0_bin_0', 'x0_bin_1'], dtype=object)
    """

    _parameter_constraints: ClassVar[dict] = {
        "n_bins": [Interval(Integral, 1, None, closed="left")],
        "strategy": [StrOptions({"quantile", "tree"})],
        "min_bin_samples": [Interval(Integral, 1, None, closed="left")],
        "target_type": [StrOptions({"auto", "continuous", "multiclass"})],
    }

    bin_edges_: list[np.ndarray]

    def __init__(
        self,
        n_bins: int = 16,
        *,
        strategy: str = "quantile",
        min_bin_samples: int = 10,
        target_type: str = "auto",
    ) -> None:
        self.n_bins = n_bins
        self.strategy = strategy
        self.min_bin_samples = min_bin_samples
        self.target_type = target_type

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: ArrayLike, y: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Choose the edges.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,), default=None
            Classes or numbers; only ``strategy="tree"`` looks at it, and needs it.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of rows in quantiles and trees.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If ``strategy="tree"`` has no y.
        """
        columns = self._checked(X, reset=True).T.astype(np.float64)
        weights = self._weights(sample_weight, columns.T)
        inner = self._splitter(columns.T, y) if self.strategy == "tree" else _quantiles
        self.bin_edges_ = []
        for column in columns:
            rows = np.flatnonzero((weights > 0) & ~np.isnan(column))
            n_rows = weights[rows].sum()
            n_bins = min(self.n_bins, max(int(n_rows // self.min_bin_samples), 1))
            between = inner(column[rows], rows, weights[rows], n_bins) if n_bins > 1 else []
            self.bin_edges_.append(_edges(column[rows], between))
        return self

    def transform(self, X: ArrayLike) -> np.ndarray:
        """Encode.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, sum of bins)
            float32 for a float32 X.
        """
        check_is_fitted(self)
        return encoded(self._checked(X, reset=False), self.bin_edges_)

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> np.ndarray:
        """Names of the columns: those of the features, with the bins' numbers.

        Parameters
        ----------
        input_features : None or array-like of shape (n_features,), default=None
            Names of the features; None for those of the X fitted, or x0, x1, ….

        Returns
        -------
        ndarray of str, shape (n_columns,)
        """
        check_is_fitted(self)
        names = _check_feature_names_in(self, input_features)
        written = [
            f"{name}_bin_{t}"
            for name, edges in zip(names, self.bin_edges_, strict=True)
            for t in range(len(edges) - 1)
        ]
        return np.array(written, dtype=object)

    def _splitter(self, X, y):
        """A function that finds where a tree of y by one feature splits."""
        if y is None:
            raise ValueError(
                'PiecewiseLinearEncoder with strategy="tree" requires y to be passed, but the '
                'target y is None. Give y, or choose "quantile".'
            )
        kind = self.target_type if self.target_type != "auto" else type_of_target(y, "y")
        numbers = kind.startswith("continuous")
        y = _check_y(y, multi_output=True, y_numeric=numbers, estimator=self)
        check_consistent_length(X, y)
        make = DecisionTreeRegressor if numbers else DecisionTreeClassifier

        def splits(values, rows, weights, n_bins):
            share = self.min_bin_samples / weights.sum()
            tree = make(max_leaf_nodes=n_bins, min_weight_fraction_leaf=share, random_state=0)
            return _thresholds(tree, values, y[rows], weights)

        return splits

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = self.strategy == "tree"
        return tags


def encoded(X: np.ndarray, bin_edges: list[np.ndarray]) -> np.ndarray:
    """How far the numbers of each column of X have come through its bins, in the dtype of X."""
    ends = np.cumsum([len(edges) - 1 for edges in bin_edges])
    out = np.empty((len(X), sum(len(edges) - 1 for edges in bin_edges)), X.dtype)
    for column, edges, end in zip(X.T, bin_edges, ends, strict=True):
        into = out[:, end - len(edges) + 1 : end]
        halves = edges / 2  # the difference of two numbers may be too large for a float
        above = column[:, None] / 2 - halves[:-1]
        np.divide(above, np.diff(halves), out=into, casting="same_kind")
        np.maximum(into[:, 1:], 0, out=into[:, 1:])
        np.minimum(into[:, :-1], 1, out=into[:, :-1])
    return out


def _quantiles(values, rows, weights, n_bins):
    return weighted_quantiles(values, weights, np.arange(1, n_bins) / n_bins, averaged=False)


def _thresholds(tree, values, y, weights):
    """Where a tree of y by the values splits: in the middle between two of them.

    It sees their ranks, as trees round to float32.
    """
    different, ranks = np.unique(values, return_inverse=True)
    fitted = tree.fit(ranks[:, None], y, sample_weight=weights).tree_
    below = fitted.threshold[fitted.children_left >= 0].astype(int)
    return different[below] / 2 + different[below + 1] / 2


def _edges(values, inner):
    """Different edges, at least two, from the least value to the greatest."""
    if not len(values):
        return np.array([0.0, 1.0])
    low, high = values.min(), values.max()
    if low == high:
        return np.array([low, low + max(1.0, np.spacing(abs(low)))])
    return np.unique(np.concatenate([[low], inner, [high]]))
