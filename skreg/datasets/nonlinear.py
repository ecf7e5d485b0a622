"""A non-linear regression design whose support is known."""

from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, validate_params

#: Features that a copy of Friedman's function reads.
SIZE = 5
#: Its variance for uniform features: of 10·sin(πx₁x₂), by quadrature, of the square, of the lines.
VARIANCE = 11.187574882492115 + 20**2 / 180 + (10**2 + 5**2) / 12


@validate_params(
    {
        "n_samples": [Interval(Integral, 1, None, closed="left")],
        "n_features": [Interval(Integral, 1, None, closed="left")],
        "n_informative": [Interval(Integral, SIZE, None, closed="left")],
        "snr": [Interval(Real, 0, None, closed="right")],
        "return_support": ["boolean"],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def make_friedman_sum(
    n_samples: int,
    n_features: int,
    *,
    n_informative: int = 10,
    snr: float = 5.0,
    return_support: bool = False,
    random_state: Any = None,
) -> tuple[NDArray, ...]:
    r"""Make a regression on a few of many features, by sums of Friedman's function.

    Features are uniform on [0, 1] and independent. The target is f(X) plus normal noise, with f the
    sum, over the informative features five at a time, of

    .. math::
        10 \sin(\pi x_1 x_2) + 20 (x_3 - \tfrac12)^2 + 10 x_4 + 5 x_5,

    an interaction, an effect that no linear model sees, and two lines. For one copy and a fixed
    place of the informative features it is scikit-learn's
    :func:`~sklearn.datasets.make_friedman1`.

    Parameters
    ----------
    n_samples, n_features : int
        Shape of X.
    n_informative : int, default=10
        Features that f reads, at random places: a multiple of 5, at most ``n_features``.
    snr : float > 0, default=5.0
        Signal-to-noise ratio: the variance of f in the population over that of the noise. The best
        possible R² is snr / (1 + snr). ``inf`` makes a target without noise.
    return_support : bool, default=False
        Return the places as well.
    random_state : int, RandomState instance or None, default=None
        An int makes the same data each time.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features)
    y : ndarray of shape (n_samples,)
    support : ndarray of shape (n_informative,)
        Indices of the informative features, five for each copy, in the order of the formula; only
        if ``return_support`` is true.

    Raises
    ------
    ValueError
        If a number is out of its range.

    References
    ----------
    J. Friedman (1991), "Multivariate adaptive regression splines".

    Examples
    --------
    >>> from skreg.datasets import make_friedman_sum
    >>> X, y, support = make_friedman_sum(600, 200, return_support=True, random_state=0)
    >>> X.shape, y.shape, len(support)
    ((600, 200), (600,), 10)
    """
    if n_informative % SIZE or n_informative > n_features:
        raise ValueError(
            f"n_informative={n_informative} must be a multiple of {SIZE} and at most "
            f"n_features={n_features}: Friedman's function reads {SIZE} features."
        )
    rng = check_random_state(random_state)
    X = rng.uniform(size=(n_samples, n_features))
    support = rng.choice(n_features, size=n_informative, replace=False)
    y = rng.standard_normal(n_samples) * np.sqrt(n_informative / SIZE * VARIANCE / snr)
    for a, b, c, d, e in (X[:, five].T for five in support.reshape(-1, SIZE)):
        y += 10 * np.sin(np.pi * a * b) + 20 * (c - 0.5) ** 2 + 10 * d + 5 * e
    return (X, y, support) if return_support else (X, y)
