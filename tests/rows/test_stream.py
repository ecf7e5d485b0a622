"""Rows in blocks, and a random part of them."""

import numpy as np
import pytest

from skreg.rows.stream import Feed, HashSample, RowBlock, joined

N = 500
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(N, 2)), RNG.normal(size=(N, 1))


def blocks(size):
    for i in range(0, N, size):
        rows = np.arange(i, min(i + size, N))
        yield RowBlock(X[rows], Y[rows], None, rows)


@pytest.mark.parametrize("size", [1, 37, N])
def test_blocks_are_cut_anew(size):
    parts = list(Feed(blocks(size)).parts(60))
    assert [len(part) for part in parts] == [60] * 8 + [20]
    np.testing.assert_array_equal(joined(parts).X, X)
    assert Feed(iter([])).take(5) is None


@pytest.mark.parametrize("size", [1, 37, N])
@pytest.mark.parametrize("wanted", [1, 40, 2 * N])
def test_a_sample_does_not_depend_on_the_blocks(size, wanted):
    sample = HashSample(wanted, seed=3)
    for block in blocks(size):
        sample.add(block)
    order = sample.order(np.arange(N))
    expected = np.argsort(order)[:wanted]
    np.testing.assert_array_equal(sample.rows().numbers, expected)
    np.testing.assert_array_equal(sample.rows().X, X[expected])


def test_another_seed_gives_another_sample():
    one, other = (np.argsort(HashSample(1, seed).order(np.arange(N)))[:50] for seed in (0, 1))
    assert 0 < len(np.intersect1d(one, other)) < 20


def test_rows_without_weights_have_weight_1():
    some = RowBlock(X[:2], Y[:2], None, np.arange(2))
    both = joined([some, RowBlock(X[2:3], Y[2:3], np.array([5.0]), np.arange(2, 3))])
    assert both.weights.tolist() == [1.0, 1.0, 5.0]
