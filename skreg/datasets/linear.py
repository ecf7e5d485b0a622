"""Linear regression designs whose support and noise are known."""

from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, validate_params


@validate_params(
    {
        "n_samples": [Interval(Integral, 1, None, closed="left")],
        "n_features": [Interval(Integral, 1, None, closed="left")],
        "n_informative": [Interval(Integral, 1, None, closed="left")],
        "rho": [Interval(Real, -1, 1, closed="neither")],
        "snr": [Interval(Real, 0, None, closed="right")],
        "return_coef": ["boolean"],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def make_ar1_regression(
    n_samples: int,
    n_features: int,
    *,
    n_informative: int,
    rho: float = 0.5,
    snr: float = 3.0,
    return_coef: bool = False,
    random_state: Any = None,
) -> tuple[NDArray, ...]:
    r"""Make a sparse linear regression on features that are correlated with their neighbors.

    Each row is a stationary first-order autoregression along the features,

    .. math::
        x_1 = \varepsilon_1, \qquad
        x_j = \rho\, x_{j-1} + \sqrt{1-\rho^2}\,\varepsilon_j, \qquad
        \varepsilon_j \sim N(0, 1),

    so every feature has variance 1 and cor(xᵢ, xⱼ) = ρ^|i−j| = Σᵢⱼ. The target is y = Xβ + e, with
    β = ±1 on a random support and 0 elsewhere, and e ~ N(0, σ²), σ² = βᵀΣβ / snr.

    Parameters
    ----------
    n_samples, n_features : int
        Shape of X.
    n_informative : int
        Number of non-zero coefficients, at most ``n_features``.
    rho : float in (−1, 1), default=0.5
        ρ, the correlation of neighboring features.
    snr : float > 0, default=3.0
        Signal-to-noise ratio: the variance of Xβ in the population over the variance of e. The best
        possible R² is snr / (1 + snr). ``inf`` makes a target without noise.
    return_coef : bool, default=False
        Return β as well.
    random_state : int, RandomState instance or None, default=None
        An int makes the same data each time.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features)
    y : ndarray of shape (n_samples,)
    coef : ndarray of shape (n_features,)
        β, only if ``return_coef`` is true.

    Raises
    ------
    ValueError
        If a number is out of its range, or ``n_informative`` exceeds ``n_features``.

    Examples
    --------
    >>> from skreg.datasets import make_ar1_regression
    >>> X, y, coef = make_ar1_regression(100, 8, n_informative=3, return_coef=True, random_state=0)
    >>> X.shape, y.shape, int((coef != 0).sum())
    ((100, 8), (100,), 3)
    """
    if n_informative > n_features:
        raise ValueError(
            f"n_informative={n_informative} exceeds n_features={n_features}: "
            "choose n_informative no larger than n_features."
        )
    rng = check_random_state(random_state)
    innovations = rng.standard_normal((n_samples, n_features))
    innovations[:, 1:] *= np.sqrt(1.0 - rho**2)
    X = lfilter([1.0], [1.0, -rho], innovations, axis=1)

    support = rng.choice(n_features, size=n_informative, replace=False)
    coef = np.zeros(n_features)
    coef[support] = rng.choice([-1.0, 1.0], size=n_informative)
    correlation = float(rho) ** np.abs(support[:, None] - support)
    signal_variance = coef[support] @ correlation @ coef[support]
    noise = rng.standard_normal(n_samples) * np.sqrt(signal_variance / snr)
    y = X @ coef + noise
    return (X, y, coef) if return_coef else (X, y)
