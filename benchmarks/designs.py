"""Data that several problems share."""

import numpy as np


def regression(n_samples, n_features, n_informative):
    """X and y of an AR(1) regression (ρ = 0.5, SNR 3)."""
    from skreg.datasets import make_ar1_regression

    return make_ar1_regression(
        n_samples, n_features, n_informative=n_informative, rho=0.5, snr=3.0, random_state=0
    )


def classification(n_samples, n_features, n_informative):
    """The same, with labels that say whether y is positive."""
    X, score = regression(n_samples, n_features, n_informative)
    return X, (score > 0).astype(np.int64)


def alpha_max(X, y):
    """The smallest λ at which the lasso of squared error gives 0."""
    # Centering y is enough: the column means meet a residual of mean 0.
    return np.abs(X.T @ (y - y.mean())).max() / len(y)


def adjacent_folds(n_samples, n_folds):
    """The fold of each row: folds of equal size, one after the other."""
    return np.repeat(np.arange(n_folds), n_samples // n_folds)
