"""Products by the compiled tiles, against NumPy's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from skreg._kernels import products as tiles
from skreg._kernels import rows as row_kernels
from skreg.rows import products

SIZES = st.integers(0, 70)


def matrix(rows, columns, layout, seed=0):
    """Random numbers in C order, in Fortran order, read-only, or as every other row and column."""
    values = np.random.default_rng(seed).normal(size=(rows, columns))
    if layout == "strided":
        wide = np.zeros((2 * rows, 2 * columns))
        wide[::2, ::2] = values
        return wide[::2, ::2]
    values = np.asarray(values, order=layout[0])
    values.flags.writeable = layout != "C read-only"
    return values


LAYOUTS = st.sampled_from(["C", "F", "C read-only", "strided"])


@given(SIZES, SIZES, SIZES, LAYOUTS, LAYOUTS)
def test_product(m, k, n, left, right):
    a, b = matrix(m, k, left), matrix(k, n, right, 1)
    np.testing.assert_allclose(products.product(a, b), a @ b, rtol=1e-12, atol=1e-12)


@given(st.integers(0, 600), SIZES, LAYOUTS)
def test_gram_is_added_on_and_above_the_diagonal(n, p, layout):
    a = matrix(n, p, layout)
    start = np.arange(float(p * p)).reshape(p, p)
    expected = np.triu(start + a.T @ a)
    gram = products.add_gram(a, start)
    assert gram is start
    np.testing.assert_allclose(np.triu(gram), expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(np.triu(products.add_gram(a, None)), np.triu(a.T @ a), atol=1e-12)


@pytest.mark.parametrize("shape", [(3000, 300), (300, 3000), (5001, 300)])
def test_threads_change_no_bit(shape):
    a = matrix(*shape, "C")
    tall = a if shape[0] > shape[1] else a.T
    many = matrix(300, 200, "F", 1)
    found = []
    for n_threads in (1, 2, 3, 4):
        with threadpool_limits(n_threads):
            found.append((products.add_gram(tall, None), products.product(tall, many)))
    np.testing.assert_allclose(np.triu(found[0][0]), np.triu(tall.T @ tall), atol=1e-9)
    for gram, product in found[1:]:
        np.testing.assert_array_equal(gram, found[0][0])
        np.testing.assert_array_equal(product, found[0][1])


@given(st.integers(0, 100))
def test_dot(n):
    a, b = np.random.default_rng(n).normal(size=(2, n))
    np.testing.assert_allclose(products.dot(a, b), a @ b, rtol=1e-12, atol=1e-12)


def test_nan_reaches_the_result():
    a = matrix(40, 5, "C")
    a[3, 2] = np.nan
    assert np.isnan(products.add_gram(a, None)[2, 2])
    assert np.isnan(products.product(a, np.eye(5)[:, :3])[3, 2])


@pytest.mark.parametrize("shape", [(1, 1, 1), (7, 300, 9), (40, 5, 33)])
@pytest.mark.parametrize("layout", ["C", "F"])
def test_products_in_single_precision(shape, layout):
    m, k, n = shape
    a, b = (matrix(*pair, layout).astype(np.float32) for pair in ((m, k), (k, n)))
    out = np.empty((m, n), dtype=np.float32)
    tiles.multiply(a, b, out)
    np.testing.assert_allclose(out, a.astype(float) @ b, rtol=1e-5, atol=1e-5)


def test_shapes_that_do_not_fit_are_told():
    with pytest.raises(ValueError, match="p × p"):
        tiles.add_gram(np.ones((3, 2)), np.zeros((3, 3)), 0, 2)
    with pytest.raises(ValueError, match="do not fit"):
        tiles.multiply(np.ones((3, 2)), np.ones((3, 2)), np.empty((3, 2)))
    with pytest.raises(ValueError, match="contiguous"):
        tiles.multiply(np.ones((2, 2)), np.ones((2, 2)), np.empty((2, 2), order="F"))


@pytest.mark.parametrize("size", [3, 50])
def test_eigen(size):
    square = matrix(size, size, "C")
    square = square + square.T
    values, vectors = products.eigen(square)
    np.testing.assert_allclose(vectors * values @ vectors.T, square, atol=1e-12)
    assert (np.diff(values) >= 0).all()


@pytest.mark.parametrize("n", [0, 1, 2, 33, 130])
def test_factor_is_cholesky_in_place(n):
    a = np.random.default_rng(n).normal(size=(n, n + 3))
    matrix = a @ a.T
    upper = np.triu(matrix, 1)
    factored = matrix.copy()
    assert row_kernels.factor(factored)
    np.testing.assert_allclose(np.tril(factored), np.linalg.cholesky(matrix), rtol=1e-9)
    np.testing.assert_array_equal(np.triu(factored, 1), upper)
    if n:  # what stays is enough to begin anew
        factored[np.diag_indices(n)] = -1.0
        assert not row_kernels.factor(factored)
        factored[np.diag_indices(n)] = np.diag(matrix)
        assert row_kernels.factor(factored)
        np.testing.assert_allclose(np.tril(factored), np.linalg.cholesky(matrix), rtol=1e-9)


def test_rows_are_left_out():
    rng = np.random.default_rng(0)
    power, fitted = rng.random((3, 13)), rng.normal(size=(3, 13))
    share, rest, (off, y) = rng.random(13), 1.5 + rng.random(13), rng.normal(size=(2, 13))
    left = rest - share * power
    expected = y + (fitted + off) / left
    least = row_kernels.leave_out(power, share, rest, off, y, fitted)
    np.testing.assert_allclose(least, left.min(axis=0), rtol=1e-15)
    np.testing.assert_allclose(fitted, expected, rtol=1e-13)
    with pytest.raises(ValueError, match="same rows"):
        row_kernels.leave_out(power, share, rest[1:], off, y, fitted)


@pytest.mark.parametrize("n_targets", [1, 2])
@pytest.mark.parametrize("is_long", [False, True])
@pytest.mark.parametrize("order", ["C", "F"])
def test_times_targets(monkeypatch, n_targets, is_long, order):
    monkeypatch.setattr(products, "_LONG_PASS", 0 if is_long else np.inf)
    X, y = matrix(51, 4, order), matrix(51, n_targets, "C", seed=1)
    expected = X.T @ np.hstack([y, np.ones((51, 1))])
    np.testing.assert_allclose(products.times_targets(X, y), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("n_targets", [1, 2])
@pytest.mark.parametrize("order", ["C", "F"])
def test_gram_and_targets(n_targets, order):
    X, y = matrix(5001, 300, order), matrix(5001, n_targets, "C", seed=1)
    found = []
    for n_threads in (1, 2, 3, 4):
        with threadpool_limits(n_threads):
            found.append(products.gram_and_targets(X, y))
    gram, xy = found[0]
    np.testing.assert_allclose(np.triu(gram), np.triu(X.T @ X), atol=1e-9)
    np.testing.assert_allclose(xy, X.T @ np.hstack([y, np.ones((5001, 1))]), atol=1e-9)
    for others in found[1:]:
        np.testing.assert_array_equal(others[0], gram)
        np.testing.assert_array_equal(others[1], xy)


@pytest.mark.parametrize(
    ("length", "width", "at_least"), [(1000, 900, 32), (50, 9, 32), (90, 10**6, 37), (0, 3, 32)]
)
def test_slices_are_whole_stripes(length, width, at_least):
    found = products.slices(length, width, at_least)
    assert [i for one in found for i in range(one.start, one.stop)] == list(range(length))
    sizes = {one.stop - one.start for one in found[:-1]}
    assert all(size >= at_least and (size == at_least or size % 32 == 0) for size in sizes)
