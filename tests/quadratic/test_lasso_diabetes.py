"""The diabetes path of Efron, Hastie, Johnstone & Tibshirani (2004), where each feature enters."""

import numpy as np
from scipy.optimize import brentq
from sklearn.datasets import load_diabetes

from skreg import QuadraticModel

# Feature 6 enters fourth, leaves at the eleventh knot and comes back last: the order of the last
# entries is the one usually quoted.
ENTRIES = [2, 8, 3, 6, 1, 9, 4, 7, 5, 0, 6]
ORDER = [2, 8, 3, 1, 9, 4, 7, 5, 0, 6]
KNOTS = [
    2.148044,
    2.012022,
    1.024651,
    0.715098,
    0.294411,
    0.200869,
    0.156029,
    0.045206,
    0.012393,
    0.011512,
    0.004937,
    0.002965,
]


def test_knots_of_the_path():
    X, y = load_diabetes(return_X_y=True)
    model = QuadraticModel.from_data(X, y)

    def support(alpha):
        return tuple(np.flatnonzero(model.lasso(alpha)))

    np.testing.assert_allclose(model.alpha_max(), KNOTS[0], atol=5e-7)
    entries, exits = [], []
    for knot in KNOTS:
        above, below = set(support(knot + 1e-6)), set(support(knot - 1e-6))
        assert len(above ^ below) == 1
        entries += below - above
        exits += above - below
    assert entries == ENTRIES
    assert exits == [6]
    assert [j for i, j in enumerate(entries) if j not in entries[i + 1 :]] == ORDER


def test_the_path_is_linear_between_its_knots():
    X, y = load_diabetes(return_X_y=True)
    model = QuadraticModel.from_data(X, y)
    for low, high in zip(KNOTS[1:], KNOTS[:-1], strict=True):
        ends = model.lasso([high - 1e-6, 0.5 * (high + low), low + 1e-6])
        np.testing.assert_allclose(
            ends[1], 0.5 * (ends[0] + ends[2]), rtol=0, atol=1e-9 * np.abs(ends).max()
        )


def test_a_knot_is_found_to_rounding():
    """Feature 8 enters at λ₂: linear in λ, its coefficient points to the knot."""
    X, y = load_diabetes(return_X_y=True)
    model = QuadraticModel.from_data(X, y)
    a, b = 1.9, 1.5
    first, second = model.lasso([a, b])[:, 8]
    knot = brentq(lambda x: first + (second - first) * (x - a) / (b - a), 1.9, 2.2)
    np.testing.assert_allclose(knot, KNOTS[1], atol=5e-7)
