"""Sums of rows that come a few at a time are the moments of all of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array
from threadpoolctl import threadpool_limits

from skreg import Chunks
from skreg._kernels import rows as row_kernels
from skreg.rows import Moments, chunk, moment_sum
from skreg.rows.moment_sum import MomentSum


def laid(X, layout):
    """X with the same numbers, in another place."""
    if layout == "sparse":
        return csr_array(X)
    if layout == "strided":
        return np.repeat(np.repeat(X, 2, axis=0), 2, axis=1)[::2, ::2]
    X = np.array(X, order="F" if layout == "F" else "C")
    X.flags.writeable = False
    return X


@given(
    st.lists(st.integers(0, 80), max_size=5),
    st.sampled_from(["C", "F", "strided", "sparse"]),
    st.sampled_from([np.float64, np.float32]),
    st.sampled_from([0.0, 1e6]),
    st.booleans(),
    st.booleans(),
    st.integers(1, 5),
)
def test_sums_of_any_parts_are_the_moments(cuts, layout, dtype, center, weighted, some, p):
    rng = np.random.default_rng(0)
    X = (center + rng.normal(size=(80, p))).astype(dtype)
    y, weights = rng.normal(size=(80, 2)), rng.integers(0, 3, 80).astype(float)
    weights[:30] = 0.0
    w = weights if weighted else None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(moment_sum, "_GROUP", 25)
        found = MomentSum()
        for part in np.split(np.arange(80), sorted(cuts)):
            if not len(part):
                continue
            chunk = laid(X[part], layout), y[part], None if w is None else w[part]
            if some and len(part) > 1:  # first one half of the rows, then the other
                found.add(*chunk, np.flatnonzero(part % 2))
                found.add(*chunk, np.flatnonzero(part % 2 == 0))
            else:
                found.add(*chunk, None)
    found, expected = found.total(), Moments.from_rows(X, y, w)
    scale = np.sqrt(np.outer(np.diag(expected.xx), np.diag(expected.xx)))
    assert (np.abs(found.xx - expected.xx) <= 1e-9 * scale).all()
    np.testing.assert_allclose(found.x_mean, expected.x_mean, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(found.xy, expected.xy, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(found.yy, expected.yy, rtol=1e-10)
    assert found.n_rows == expected.n_rows
    assert found.weight == pytest.approx(expected.weight)


def test_rows_without_weight_have_no_say():
    found = MomentSum()
    found.add(np.full((3, 1), 1e300), np.ones((3, 1)), np.zeros(3), None)
    assert found.total().weight == 0.0
    found.add(np.array([[1.0], [3.0]]), np.array([[1.0], [2.0]]), np.ones(2), None)
    assert found.total().xx.tolist() == [[2.0]]


def test_chunks_of_other_widths_are_refused():
    found = MomentSum()
    found.add(np.ones((3, 2)), np.ones((3, 1)), None, None)
    with pytest.raises(ValueError, match="has 3 features and 1 targets, and one before it 2 and 1"):
        found.add(np.ones((3, 3)), np.ones((3, 1)), None, None)


@given(
    st.integers(0, 9), st.integers(0, 4), st.booleans(), st.booleans(), st.booleans(),
    st.sampled_from([np.float64, np.float32]),
)  # fmt: skip
def test_the_kernel_shifts_rows_as_numpy_does(n, p, by_column, chosen, scaled, dtype):
    rng = np.random.default_rng(n)
    x = laid(rng.normal(size=(9, p)).astype(dtype), "F" if by_column else "C")
    rows = rng.permutation(9)[:n] if chosen else None
    x = x if chosen else x[:n]
    scale, origin = rng.random(n) if scaled else None, rng.normal(size=p)
    out = np.full((n, p + 2), -1.0, order="F" if by_column else "C")
    row_kernels.shifted(x, rows, origin, scale, out[:, :p])
    expected = (x if rows is None else x[rows]) - origin
    expected = expected if scale is None else expected * scale[:, None]
    np.testing.assert_array_equal(out[:, :p], expected)
    np.testing.assert_array_equal(out[:, p:], -1.0)


def test_the_kernel_refuses_other_shapes():
    for rows, columns in ((3, 2), (4, 3)):
        with pytest.raises(ValueError, match="must fit x"):
            row_kernels.shifted(np.ones((4, 2)), None, np.zeros(2), None, np.ones((rows, columns)))
    with pytest.raises(ValueError, match="must both lie"):
        row_kernels.shifted(np.ones((4, 2)), None, np.zeros(2), None, np.ones((4, 2), order="F"))


def test_bits_do_not_depend_on_threads(monkeypatch):
    monkeypatch.setattr(chunk, "_LARGE", 0.0)
    X = np.random.default_rng(0).normal(size=(900, 6))
    made = [(X[i : i + 300, 1:], X[i : i + 300, 0]) for i in (0, 300, 600)]
    found = []
    for n_threads in (1, 2):
        with threadpool_limits(n_threads):
            found.append(Chunks(made).sums(lambda some: some.numbers % 3))
    for fold in range(3):
        np.testing.assert_array_equal(found[0][fold].xx, found[1][fold].xx)
        np.testing.assert_array_equal(found[0][fold].xy, found[1][fold].xy)
