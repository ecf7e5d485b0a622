"""Robust scaling with smooth clipping."""

from numbers import Real
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import OneToOneFeatureMixin, _fit_context
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from skreg.preprocessing._numeric import NumericTransformer
from skreg.preprocessing._quantiles import weighted_quantiles

# So many scales from the center every limit is reached, and squares are finite.
_FAR = 1e150
_IQR_OF_NORMAL = 1.3489795003921634  # Φ⁻¹(¾) − Φ⁻¹(¼)


class RobustClipScaler(OneToOneFeatureMixin, NumericTransformer):
    r"""Features by median and interquartile range, their tails bent into a bounded interval.

    With the median m and the interquartile range s of a feature [1]_,

    .. math::

        z = \frac{x - m}{s}, \qquad f(z) = \frac{z}{\sqrt{1 + (z/c)^2}},

    so that f(z) is nearly z where :math:`|z|` is small against c, grows with z everywhere, and
    stays within :math:`\pm c`. One value far out then neither sets the scale of its feature, as it
    does with `sklearn.preprocessing.StandardScaler`, nor reaches the network at full size.

    Parameters
    ----------
    limit : float, default=3.0
        The bound c. ``numpy.inf`` clips nothing.
    unit_variance : bool, default=True
        Whether s is the interquartile range divided by that of a standard normal variable, 1.349,
        so that normal data have variance 1 before they are clipped.

    Attributes
    ----------
    center_ : ndarray of shape (n_features,)
        Medians.
    scale_ : ndarray of shape (n_features,)
        What x − m is divided by. Where the quartiles are equal, half of the range; 1 for a
        constant.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Where X has string column names.

    See Also
    --------
    PiecewiseLinearEncoder : Several columns for each feature.
    sklearn.preprocessing.RobustScaler : The same without clipping.

    Notes
    -----
    Missing values (NaN) are disregarded in `fit` and maintained in `transform`.

    References
    ----------
    .. [1] D. Holzmüller, L. Grinsztajn, I. Steinwart (2024). Better by default: strong pre-tuned
       MLPs and boosted trees on tabular data. *NeurIPS*, section 3.

    Examples
    --------
    >>> from skreg.preprocessing import RobustClipScaler
    >>> X = [[-1.0], [0.0], [1.0], [2.0], [1000.0]]
    >>> RobustClipScaler(unit_variance=False).fit_transform(X)
    array([[-0.94868...],
           [-0.49319...],
           [ 0.        ],
           [ 0.49319...],
           [ 2.99994...]])
    """

    _parameter_constraints: ClassVar[dict] = {
        "limit": [Interval(Real, 0, None, closed="right")],
        "unit_variance": ["boolean"],
    }

    center_: np.ndarray
    scale_: np.ndarray

    def __init__(self, limit: float = 3.0, *, unit_variance: bool = True) -> None:
        self.limit = limit
        self.unit_variance = unit_variance

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: ArrayLike, y: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Find medians and interquartile ranges.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : ignored
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of rows in the quantiles.

        Returns
        -------
        self
        """
        checked = self._checked(X, reset=True)
        weights = self._weights(sample_weight, checked)
        levels = [0.0, 0.25, 0.5, 0.75, 1.0]
        found = np.array(
            [weighted_quantiles(column, weights, levels) for column in checked.T], np.float64
        )
        low, lower, self.center_, upper, high = found.T
        unit = _IQR_OF_NORMAL if self.unit_variance else 1.0
        with np.errstate(over="ignore"):
            spread = np.minimum(upper / unit - lower / unit, np.finfo(np.float64).max)
        spread = np.where(upper > lower, spread, high / 2 - low / 2)
        self.scale_ = np.where(spread > 0, spread, 1.0)
        return self

    def transform(self, X: ArrayLike) -> np.ndarray:
        """Scale and clip.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            float32 for a float32 X.
        """
        check_is_fitted(self)
        checked = self._checked(X, reset=False)
        with np.errstate(over="ignore"):  # halves: differences may be larger than any float
            z = 2.0 * ((checked / 2.0 - self.center_ / 2.0) / self.scale_)
        z = np.clip(z, -_FAR, _FAR)
        return (z / np.hypot(1.0, z / self.limit)).astype(checked.dtype, copy=False)
