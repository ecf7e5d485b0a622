"""Rows are referred to, not copied, however they are stored; a NaN among them is found."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference_quadratic import problems

from skreg import QuadraticModel
from skreg.rows import WeightedRows

LAYOUTS = {
    "C": np.ascontiguousarray,
    "F": np.asfortranarray,
    "float32": lambda X: X.astype(np.float32),
    "strided": lambda X: np.repeat(X, 2, axis=1)[:, ::2],
    "reversed": lambda X: X[::-1].copy()[::-1],
}


def peak_of(call):
    """The largest number of bytes allocated while this runs."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def frozen(X):
    X.flags.writeable = False
    return X


@pytest.mark.parametrize("offset", [0.0, 5.0])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_tall_fit_copies_no_more_than_blocks(layout, offset):
    rng = np.random.default_rng(0)
    X, y = frozen(LAYOUTS[layout](rng.normal(size=(60_000, 40)) + offset)), rng.normal(size=60_000)
    assert peak_of(lambda: QuadraticModel.from_data(X, y).ridge([0.1, 1.0])) < 9e6  # X: 19.2 MB


@pytest.mark.parametrize("layout", ["C", "F", "float32"])
@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_a_wide_fit_copies_no_more_than_blocks(layout, offset):
    rng = np.random.default_rng(0)
    X, y = frozen(LAYOUTS[layout](rng.normal(size=(60, 40_000)) + offset)), rng.normal(size=60)
    assert peak_of(lambda: QuadraticModel.from_data(X, y).ridge(0.1)) < 9e6  # X: 19.2 MB


def test_an_svd_of_tall_rows_copies_no_more_than_blocks():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(120_000, 40)), rng.normal(size=120_000)
    X[:, 1] = X[:, 0] + 1e-7 * X[:, 2]
    model = QuadraticModel.from_data(frozen(X), y)
    assert peak_of(lambda: model.ridge(0.0)) < 15e6  # X: 38.4 MB
    assert model.spectrum.solver == "svd"


@pytest.mark.parametrize("shape", [(300, 20), (20, 300)])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_give_the_same_coefficients(shape, layout, tmp_path):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=shape).astype(np.float32).astype(np.float64), rng.normal(size=shape[0])
    expected = QuadraticModel.from_data(X, y).ridge([0.1, 0.01])
    laid = frozen(LAYOUTS[layout](X))
    np.testing.assert_allclose(
        QuadraticModel.from_data(laid, y).ridge([0.1, 0.01]), expected, rtol=1e-5, atol=1e-6
    )
    np.save(tmp_path / "X.npy", laid)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    np.testing.assert_allclose(
        QuadraticModel.from_data(mapped, y).ridge([0.1, 0.01]), expected, rtol=1e-5, atol=1e-6
    )


@given(problems(), st.booleans(), st.sampled_from(["C", "F", "strided"]))
def test_products_of_rows(problem, centered, layout):
    X, y, weights = problem
    X = LAYOUTS[layout](X)
    rows = WeightedRows(X, y.reshape(len(y), -1), weights, centered)
    A = rows.columns(slice(None))
    rng = np.random.default_rng(0)
    theta, r = rng.normal(size=(X.shape[1], 2)), rng.normal(size=(len(X), 2))
    size = np.linalg.norm(A) + 1e-300
    np.testing.assert_allclose(rows.dot(theta), A @ theta, atol=1e-12 * size)
    np.testing.assert_allclose(rows.transposed_dot(r), A.T @ r, atol=1e-12 * size)
    np.testing.assert_allclose(rows.outer_gram(), A @ A.T, atol=1e-12 * size**2)
    np.testing.assert_allclose(rows.gram(), A.T @ A, atol=1e-12 * size**2)
    np.testing.assert_allclose(rows.column_norms, (A**2).sum(axis=0), atol=1e-12 * size**2)
    some = np.arange(X.shape[1])[::2]
    np.testing.assert_allclose(
        rows.some_dot(some, theta[some]), A[:, some] @ theta[some], atol=1e-12 * size
    )
    rows.rescale(2.0)
    np.testing.assert_allclose(rows.outer_gram(), 4 * A @ A.T, atol=1e-11 * size**2)


@given(
    st.sampled_from([(12, 4), (4, 12)]),
    st.sampled_from([np.nan, np.inf, -np.inf, 1e200]),
    st.sampled_from([0.0, 10.0]),
    st.booleans(),
    st.sampled_from([None, "uniform", "zero"]),
    st.data(),
)
def test_what_is_not_finite_is_found(shape, bad, offset, fit_intercept, weighting, data):
    X = np.random.default_rng(0).normal(size=shape) + offset
    i, j = data.draw(st.integers(0, shape[0] - 1)), data.draw(st.integers(0, shape[1] - 1))
    X[i, j] = bad
    weights = None if weighting is None else np.ones(shape[0])
    if weighting == "zero":
        weights[i] = 0.0
    if weighting == "zero" and bad == 1e200:
        return  # a row without weight may hold any number
    message = "too large for float64" if bad == 1e200 else r"Input X contains (NaN|infinity)"
    with pytest.raises(ValueError, match=message):
        QuadraticModel.from_data(X, np.arange(shape[0]), weights, fit_intercept=fit_intercept)
