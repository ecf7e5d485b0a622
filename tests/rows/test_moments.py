"""Moments: merged in any split, taken away again, indifferent to the origin."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference_quadratic import centered, problems

from skreg.quadratic import Moments
from skreg.rows import moments as moments_module
from skreg.rows import products as rows_module


def assert_same(one, other, rtol=1e-10):
    assert one.n_rows == other.n_rows
    np.testing.assert_allclose(one.weight, other.weight, rtol=rtol)
    width, height = np.sqrt(np.diag(other.xx)), np.sqrt(other.yy)
    np.testing.assert_allclose(one.x_mean, other.x_mean, rtol=rtol, atol=rtol * width.max())
    np.testing.assert_allclose(one.y_mean, other.y_mean, rtol=rtol, atol=rtol * height.max())
    for name, scale in (
        ("xx", np.outer(width, width)),
        ("xy", np.outer(width, height)),
        ("yy", height**2),
    ):
        gap = np.abs(getattr(one, name) - getattr(other, name))
        assert (gap <= rtol * scale + 1e-300).all(), name


def of(X, y, weights=None):
    return Moments.of(X, y.reshape(len(y), -1), weights)


@given(problems())
def test_equal_their_definition(problem):
    X, y, weights = problem
    A, b = centered(X, y.reshape(len(y), -1), weights)
    made = of(X, y, weights)
    W = len(X) if weights is None else weights.sum()
    w = np.ones(len(X)) if weights is None else weights
    expected = Moments(
        W,
        len(X),
        np.average(X, 0, w),
        np.average(y.reshape(len(y), -1), 0, w),
        W * A.T @ A,
        W * A.T @ b,
        W * (b**2).sum(axis=0),
    )
    assert_same(made, expected)


@given(problems(), st.data())
def test_add_and_subtract_in_any_split(problem, data):
    X, y, weights = problem
    cuts = data.draw(st.lists(st.integers(1, len(X) - 1), min_size=1, max_size=4, unique=True))
    pieces = np.split(np.random.default_rng(0).permutation(len(X)), sorted(cuts))
    parts = [of(X[i], y[i], None if weights is None else weights[i]) for i in pieces]
    whole = of(X, y, weights)
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    assert_same(total, whole)
    for part in parts[1:]:
        total = total - part
    # What is left was a small part of the whole: its error is relative to the whole.
    scale = np.sqrt(np.outer(np.diag(whole.xx), np.diag(whole.xx)))
    assert (np.abs(total.xx - parts[0].xx) <= 1e-11 * scale).all()
    assert total.n_rows == parts[0].n_rows


@given(problems(), st.sampled_from([1.0, 1e4, 1e8]))
def test_do_not_depend_on_the_origin(problem, offset):
    X, y, weights = problem
    shifted = X + offset
    X = shifted - offset  # what the floating-point numbers of the shifted design really say
    one, other = of(shifted, y, weights), of(X, y, weights)
    np.testing.assert_allclose(one.xx, other.xx, rtol=1e-9, atol=1e-12 * np.abs(other.xx).max())
    np.testing.assert_allclose(one.xy, other.xy, rtol=1e-7, atol=1e-9 * np.abs(other.xy).max())


def test_many_blocks_and_groups_make_the_same_sum(monkeypatch):
    rng = np.random.default_rng(0)
    X, y, w = rng.normal(size=(700, 3)), rng.normal(size=(700, 2)), rng.uniform(size=700)
    w[:100] = 0  # a first block without weight
    X = np.sort(X, axis=0)  # the first block is far from the rest
    whole = of(X, y, w)
    monkeypatch.setattr(rows_module, "_BLOCK_BYTES", 1)
    monkeypatch.setattr(moments_module, "_GROUP", 3)
    assert len(rows_module.slices(*X.shape)) == 22
    for layout in (X, np.asfortranarray(X), np.repeat(X, 2, axis=1)[:, ::2]):
        assert_same(of(layout, y, w), whole)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("offset", [0.0, 2.0, 1e8])
def test_features_about_zero_are_summed_as_they_are(order, offset):
    rng = np.random.default_rng(0)
    X = np.asarray(np.round(rng.normal(size=(300, 4)) * 2**20) / 2**20, order=order)
    y, ones = rng.normal(size=300), np.ones(300)
    assert_same(of(X + offset, y), of(X + offset, y, ones))
    np.testing.assert_allclose(of(X + offset, y).xx, 300 * np.cov(X.T, bias=True), rtol=1e-9)


@pytest.mark.parametrize("value", [0.1, 1e8 + 0.1, -1 / 3])
def test_constant_features_vanish(value):
    X = np.full((1001, 2), value)
    X[:, 0] = np.arange(1001)
    for weights in (None, np.random.default_rng(0).uniform(size=1001)):
        made = of(X, np.arange(1001.0), weights)
        np.testing.assert_array_equal(made.xx[1], 0.0)
        np.testing.assert_array_equal(made.xy[1], 0.0)
        assert made.x_mean[1] == value


def test_rows_without_weight_do_not_count():
    X, y = np.array([[1.0], [1e300], [3.0]]), np.array([1.0, -1e300, 2.0])
    made = of(X, y, np.array([1.0, 0.0, 1.0]))
    assert_same(made, of(X[::2], y[::2], np.ones(2)))


def test_are_immutable():
    made = of(np.eye(3), np.arange(3.0))
    with pytest.raises(ValueError, match="read-only"):
        made.xx[0, 0] = 1.0
    with pytest.raises(AttributeError):
        made.weight = 2.0


def test_refuse_what_does_not_fit():
    a, b = of(np.eye(3), np.arange(3.0)), of(np.eye(4), np.arange(4.0))
    with pytest.raises(ValueError, match=r"\(3, 1\) in one and \(4, 1\)"):
        a + b
    with pytest.raises(ValueError, match="nothing is left"):
        a - a
    with pytest.raises(TypeError):
        a + 1
