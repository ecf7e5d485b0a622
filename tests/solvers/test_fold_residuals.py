"""Residuals and steps of many models at once against the formulas of each."""

import numpy as np
import pytest

from skreg._kernels import line
from skreg.losses import get_loss

NAMES = ("binary_log_loss", "poisson", "gamma", "huber", "multinomial_log_loss")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n", [1, 7, 400])
def test_they_are_those_of_every_model_alone(name, n):
    rng, loss = np.random.default_rng(n), get_loss(name)
    K = 3 if loss.coupled else 1
    y = np.eye(K)[rng.integers(0, K, n)] if loss.coupled else rng.integers(1, 3, (n, 1)) - 0.0
    if name == "binary_log_loss":
        y -= 1.0
    ends, change = rng.normal(size=(n, 3, K)), rng.normal(size=(n, 3, K))
    shares, parts = rng.random((n, 4)), np.array([2, 2, 3])
    found, slopes, bends = line.residuals(name, loss.parameter, y, ends, change, shares, parts)
    for a in range(3):
        _, slope, bend = loss.derivatives(y, np.ascontiguousarray(ends[:, a]))
        share = shares[:, [parts[a]]]
        np.testing.assert_allclose(found[:, a], share * slope, rtol=1e-12, atol=1e-15)
        assert slopes[a] == pytest.approx(np.sum(share * slope * change[:, a]), rel=1e-10)
        bend = bend * (1.0 - bend) if loss.coupled else bend
        assert bends[a] == pytest.approx(np.sum(share * bend), rel=1e-10)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["plain", "centered", "float32", "by column"])
def test_a_step_in_one_pass_is_made_of_its_products(name, kind):
    rng, loss = np.random.default_rng(3), get_loss(name)
    n, p, K = 700, 40, 3 if loss.coupled else 1
    X = np.asarray(rng.normal(size=(n, p)), order="F" if kind == "by column" else "C")
    X = X.astype(np.float32) if kind == "float32" else X
    center = rng.normal(size=p) if kind == "centered" else np.zeros(p)
    y = np.eye(K)[rng.integers(0, K, n)] if loss.coupled else rng.integers(0, 2, (n, 1)) + 1.0
    y = y - 1.0 if name == "binary_log_loss" else y
    raw, d = rng.normal(size=(n, 3, K)), 0.1 * rng.normal(size=(p + 1, 2 * K))
    shares, on, parts = rng.random((n, 2)), np.array([0, 2]), np.array([0, 1])
    ends = np.empty((n, 2, K))
    gradient, slopes, bends = line.steps(
        name, loss.parameter, X, center, d, y, raw, ends, on, shares, parts
    )
    rows = np.column_stack([X - center, np.ones(n)])
    change = (rows @ d).reshape(n, 2, K)
    np.testing.assert_allclose(ends, raw[:, on] + change, rtol=1e-10, atol=1e-12)
    residual, *sums = line.residuals(name, loss.parameter, y, ends, change, shares, parts)
    np.testing.assert_allclose(gradient, rows.T @ residual.reshape(n, -1), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose([slopes, bends], sums, rtol=1e-10)


@pytest.mark.parametrize(
    ("column", "rows", "message"), [(0, 3, "a row for each"), (1, 4, "columns of")]
)
def test_a_step_that_does_not_fit_is_refused(column, rows, message):
    raw, part, on = np.zeros((2, 1, 1)), np.zeros(1, dtype=np.intp), np.array([column])
    with pytest.raises(ValueError, match=message):
        line.steps(
            "poisson", 0.0, np.ones((2, 3)), np.zeros(3), np.zeros((rows, 1)), np.ones((2, 1)), raw,
            raw.copy(), on, np.ones((2, 1)), part,
        )  # fmt: skip
