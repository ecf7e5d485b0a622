"""R's glmnet as statsmodels' test suite recorded it: see ``statsmodels/README.md``."""

import csv
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from external.ours import estimator

HERE = Path(__file__).parent / "statsmodels"
LOSSES = {"gaussian": "squared_error", "binomial": "log", "poisson": "poisson"}


def records():
    with (HERE / "reference.csv").open(newline="") as file:
        next(rows := csv.reader(file))
        return [
            (family, int(n), *map(float, (rho, alpha)), np.array(coefs, dtype=float))
            for family, n, rho, alpha, *coefs in rows
        ]


@cache
def table(family):
    return np.loadtxt(HERE / f"{family}.csv", delimiter=",", skiprows=int(family != "gaussian"))


def standardized(values):
    return (values - values.mean(axis=0)) / values.std(axis=0, ddof=1)


def objective(loss, X, y, coef, l1, l2):
    raw = X @ coef
    value = {
        "squared_error": lambda: 0.5 * (y - raw) ** 2,
        "log": lambda: np.logaddexp(0, raw) - y * raw,
        "poisson": lambda: np.exp(raw) - y * raw,
    }[loss]().mean()
    return value + l1 * np.abs(coef).sum() + 0.5 * l2 * coef @ coef


@pytest.mark.parametrize(
    ("family", "n", "rho", "alpha", "expected"),
    [pytest.param(*record, id="{}-{}-{}-{}".format(*record[:4])) for record in records()],
)
def test_coefficients(family, n, rho, alpha, expected):
    data, loss = table(family)[:n], LOSSES[family]
    X, y = standardized(data[:, 1 : len(expected) + 1]), data[:, 0]
    l1, l2 = alpha * rho, alpha * (1 - rho)
    if family == "gaussian":
        y = standardized(y)
        l2 /= np.sqrt(np.mean(y**2))  # glmnet's scale of the gaussian's L2 part
    model = estimator(loss, l1, l2, fit_intercept=False).fit(X, y)
    coef = model.coef_.ravel()
    # Their default accuracy: three digits hold. Ours has to be the better minimizer.
    np.testing.assert_allclose(coef, expected, rtol=2e-3, atol=1e-3 * np.abs(expected).max())
    ours, theirs = (objective(loss, X, y, theta, l1, l2) for theta in (coef, expected))
    assert ours <= theirs + 1e-13


def test_all_of_them_are_here():
    assert [family for family, *_ in records()].count("gaussian") == 81
    assert len(records()) == 81 + 18
