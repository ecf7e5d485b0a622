"""The products of a dense layer, on every vector unit, against NumPy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skreg._kernels.network import product

LEVELS = (1, 3, 4)  # of x86-64; a machine takes the highest it has
#: Around the widths of vectors, tiles and panels, for float and double on every unit.
WIDTHS = (1, 2, 3, 5, 6, 7, 8, 9, 12, 13, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 100, 129)


def check(m, n, k, dtype, transposed_a, transposed_b, level, padding=0):
    rng = np.random.default_rng(m + 1000 * n + 1000_000 * k)
    A = rng.normal(size=(k, m + padding) if transposed_a else (m, k + padding)).astype(dtype)
    A = A[:, :m].T if transposed_a else A[:, :k]
    B = rng.normal(size=(n, k) if transposed_b else (k, n)).astype(dtype)
    B = B.T if transposed_b else B
    room = np.full((m + 2, n), np.nan, dtype=dtype)
    product(A, B, room[1:-1], level=level)
    exact = A.astype(float) @ B.astype(float)
    scale = np.abs(A).astype(float) @ np.abs(B).astype(float)
    assert np.all(np.abs(room[1:-1] - exact) <= 2 * np.finfo(dtype).eps * np.sqrt(k) * scale)
    assert np.all(np.isnan(room[[0, -1]]))  # nothing is written beside C


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", WIDTHS)
def test_every_width(n, dtype, level):
    for m in (1, 4, 6, 13):
        for k in (1, 3, 17):
            for transposed_a in (False, True):
                for transposed_b in (False, True):
                    check(m, n, k, dtype, transposed_a, transposed_b, level)


@given(
    st.integers(1, 90), st.integers(1, 150), st.integers(1, 700),
    st.sampled_from([np.float32, np.float64]), st.booleans(), st.booleans(),
    st.sampled_from(LEVELS), st.integers(0, 20),
)  # fmt: skip
def test_any_shape(m, n, k, dtype, transposed_a, transposed_b, level, padding):
    check(m, n, k, dtype, transposed_a, transposed_b, level, padding)


@given(
    st.integers(1, 400), st.integers(1, 150), st.integers(1, 700),
    st.sampled_from([np.float32, np.float64]), st.booleans(), st.sampled_from(LEVELS),
    st.sampled_from([0.0, 0.01, 0.2, 0.6]), st.integers(0, 20),
)  # fmt: skip
def test_zeros_that_are_left_out_change_no_bit(m, n, k, dtype, transposed, level, share, padding):
    rng = np.random.default_rng(m + 1000 * n + 1000_000 * k)
    A = rng.normal(size=(k, m + padding) if transposed else (m, k + padding)).astype(dtype)
    A *= rng.random(A.shape) < share  # -0.0 among the zeros
    A[:, rng.random(A.shape[1]) < 0.5] = 0
    A = A[:, :m].T if transposed else A[:, :k]
    B = rng.normal(size=(k, n)).astype(dtype)
    whole, part = np.empty((m, n), dtype), np.full((m + 2, n), np.nan, dtype)
    product(A, B, whole, level=level)
    product(A, B, part[1:-1], level=level, zeros="together")
    assert np.array_equal(whole, part[1:-1])
    assert np.all(np.isnan(part[[0, -1]]))


@given(
    st.integers(1, 300), st.integers(1, 300), st.integers(1, 200),
    st.sampled_from([np.float32, np.float64]), st.booleans(), st.booleans(),
    st.sampled_from(LEVELS), st.sampled_from([0.0, 0.3, 0.55, 1.0]), st.integers(0, 20),
)  # fmt: skip
def test_zeros_here_and_there(
    m, n, k, dtype, transposed_a, transposed_b, level, share, padding
):  # fmt: skip
    rng = np.random.default_rng(m + 1000 * n + 1000_000 * k)
    A = rng.normal(size=(k, m + padding) if transposed_a else (m, k + padding)).astype(dtype)
    A *= rng.random(A.shape) < share
    A = A[:, :m].T if transposed_a else A[:, :k]
    B = rng.normal(size=(n, k) if transposed_b else (k, n)).astype(dtype)
    B = B.T if transposed_b else B
    room = np.full((m + 2, n), np.nan, dtype=dtype)
    exact = A.astype(float) @ B.astype(float)
    scale = np.abs(A).astype(float) @ np.abs(B).astype(float)
    bound = 2 * np.finfo(dtype).eps * np.sqrt(k) * scale
    product(A, B, room[1:-1], level=level, zeros="scattered")
    assert np.all(np.abs(room[1:-1] - exact) <= bound)
    assert np.all(np.isnan(room[[0, -1]]))
    room = np.full((n + 2, m), np.nan, dtype=dtype)
    product(B.T, A.T, room[1:-1], level=level, zeros="scattered_right")
    assert np.all(np.abs(room[1:-1] - exact.T) <= bound.T)
    assert np.all(np.isnan(room[[0, -1]]))


def test_nan_is_not_a_zero_here_and_there():
    A, B, C = np.zeros((9, 70)), np.ones((70, 128)), np.empty((9, 128))
    A[4, 66] = np.nan
    product(A, B, C, zeros="scattered")
    assert np.array_equal(np.isnan(C), np.arange(9)[:, None] == 4 + np.zeros(128))
    right, A_right = np.empty((128, 9)), A.T.copy()
    product(np.ones((70, 128)).T, A_right, right, zeros="scattered_right")
    assert np.array_equal(np.isnan(right), np.arange(9) == 4 + np.zeros((128, 1)))


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_stays_in_its_row_and_column(bad, level):
    A, B = np.ones((14, 40), dtype=np.float32), np.ones((40, 70), dtype=np.float32)
    for transposed in (False, True):
        for n in range(1, 71):
            C = np.empty((14, n), dtype=np.float32)
            dirty = B[:, :n].copy(order="F" if transposed else "C")
            dirty[3, n // 2] = bad
            product(A, dirty, C, level=level)
            assert np.array_equal(~np.isfinite(C), np.arange(n) == n // 2 + np.zeros((14, 1)))


def test_shapes_that_make_no_product_are_refused():
    A, C = np.ones((3, 4)), np.ones((3, 5))
    with pytest.raises(ValueError, match="shapes"):
        product(A, np.ones((3, 5)), C)
    with pytest.raises(ValueError, match="empty"):
        product(np.ones((3, 0)), np.ones((0, 5)), C)
