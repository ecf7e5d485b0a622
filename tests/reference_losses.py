"""NumPy twins of the losses: values from their textbook formulas, targets of the right kind."""

import numpy as np
from scipy.special import logsumexp, xlogy

from skreg.losses import Loss

NAMES = (
    "squared_error",
    "huber",
    "quantile",
    "poisson",
    "gamma",
    "tweedie",
    "negative_binomial",
    "binary_log_loss",
    "multinomial_log_loss",
)
# With second derivatives: what the quadratic estimators take.
CURVED = tuple(name for name in NAMES if name != "quantile")
# Of targets of any size.
OF_NUMBERS = tuple(name for name in NAMES[:-2] if name != "quantile")
DELTA = 1.35
LEVEL = 0.3
POWER = 1.5
DISPERSION = 1.0
# By loss, beside the default ones.
PARAMETERS = {
    "huber": {"delta": DELTA},
    "quantile": {"quantile": LEVEL},
    "tweedie": {"power": POWER},
    "negative_binomial": {"dispersion": DISPERSION},
}


def n_outputs(name):
    return 3 if name == "multinomial_log_loss" else 1


def value(name, y, f):
    """ℓ of every row, for y and f of shape (n, K)."""
    if name == "squared_error":
        return 0.5 * np.sum((y - f) ** 2, axis=1)
    if name == "multinomial_log_loss":
        return logsumexp(f, axis=1) - np.sum(y * f, axis=1)
    y, f = y[:, 0], f[:, 0]
    if name == "huber":
        r = np.abs(y - f)
        return np.where(r <= DELTA, 0.5 * r**2, DELTA * (r - 0.5 * DELTA))
    if name == "quantile":
        return np.maximum(LEVEL * (y - f), (LEVEL - 1) * (y - f))
    if name == "poisson":
        return xlogy(y, y) - y * f - y + np.exp(f)
    if name == "gamma":
        return f - np.log(y) + y * np.exp(-f) - 1
    if name == "tweedie":
        a, b = 1 - POWER, 2 - POWER
        return np.power(y, b) / (a * b) - y * np.exp(a * f) / a + np.exp(b * f) / b
    if name == "negative_binomial":
        a = DISPERSION
        log_whole = np.logaddexp(0, f + np.log(a))
        return xlogy(y, y) - y * f - (y + 1 / a) * (np.log1p(a * y) - log_whole)
    return np.logaddexp(0, f) - y * f


def targets(name, f, seed=0):
    """Random targets that fit raw predictions f of shape (n, K), roughly."""
    rng = np.random.default_rng(seed)
    if name == "poisson":
        return rng.poisson(np.exp(np.clip(f, -3, 3))).astype(float)
    if name == "tweedie":
        size = rng.poisson(np.exp(np.clip(f, -3, 3)))
        return np.where(size > 0, rng.gamma(np.maximum(size, 1), 0.7), 0.0)
    if name == "negative_binomial":
        mean = np.exp(np.clip(f, -3, 3))
        return rng.poisson(mean * rng.gamma(1 / DISPERSION, DISPERSION, size=f.shape)).astype(float)
    if name == "gamma":
        return rng.gamma(2.0, np.exp(np.clip(f, -3, 3)) / 2) + 1e-3
    if name == "binary_log_loss":
        return (rng.random(f.shape) < 1 / (1 + np.exp(-f))).astype(float)
    if name == "multinomial_log_loss":
        return np.eye(f.shape[1])[np.argmax(f + rng.gumbel(size=f.shape), axis=1)]
    return f + rng.standard_t(3, size=f.shape)


class OtherPoisson(Loss):
    """Poisson's formulas in NumPy, under another name: a loss from outside the package."""

    name = "other_poisson"
    out_activation = "exponential"

    def derivatives(self, y, raw):
        mean = np.exp(raw)
        value = xlogy(y, y) - y * raw - y + mean
        return value.sum(axis=1), mean - y, mean

    def conjugate(self, y, u):
        v = np.maximum(y + u, 0.0)
        value = xlogy(v, v) - xlogy(y, y) - u
        return np.where(y + u < -1e-14, np.inf, value).sum(axis=1)

    def inverse_link(self, raw):
        return np.exp(raw)
