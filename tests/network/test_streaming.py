"""A buffer of rows that is filled again and again: every row has its turn, wherever it is cut."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array, issparse

from skreg.network.streaming import Shuffle
from skreg.rows.stream import RowBlock


def blocks(n, size, sparse=False, weighted=True):
    X = np.column_stack([np.arange(n), np.ones(n)]).astype(float)
    for i in range(0, n, size):
        rows = np.arange(i, min(i + size, n))
        yield RowBlock(
            csr_array(X[rows]) if sparse else X[rows],
            10.0 * rows[:, None],
            100.0 * rows if weighted else None,
            rows,
        )


def drawn(shuffle, n, size, seed, **options):
    """The numbers of the rows of each part, once what belongs to them is seen to be theirs."""
    parts = []
    for order in shuffle.orders(blocks(n, size, **options), seed):
        held = shuffle.held
        numbers = held.numbers[order]
        X = held.X.toarray() if issparse(held.X) else held.X
        np.testing.assert_array_equal(X[order, 0], numbers)
        np.testing.assert_array_equal(held.y[order, 0], 10 * numbers)
        if held.weights is not None:
            np.testing.assert_array_equal(held.weights[order], 100 * numbers)
        parts.append(numbers.tolist())
    return parts


@given(
    st.integers(1, 80), st.integers(2, 30), st.integers(1, 12), st.integers(1, 90),
    st.one_of(st.none(), st.integers(0, 2**63 - 1)), st.booleans(), st.booleans(),
)  # fmt: skip
def test_every_row_has_one_turn(n, buffer, batch_size, size, seed, sparse, weighted):
    shuffle = Shuffle(buffer, batch_size)
    parts = drawn(shuffle, n, size, seed, sparse=sparse, weighted=weighted)
    drawn_rows = np.concatenate(parts).tolist()
    assert sorted(drawn_rows) == list(range(n))
    assert all(len(part) % batch_size == 0 for part in parts[:-1])
    assert max(map(len, parts)) <= max(buffer, batch_size)
    # Another pass, cut in another way, with the buffer as it was left.
    assert drawn(shuffle, n, max(1, size // 2), seed, sparse=sparse, weighted=weighted) == parts
    if seed is None:
        assert drawn_rows == list(range(n))


def test_rows_are_drawn_from_about_as_far_as_the_buffer_reaches():
    parts = drawn(Shuffle(1000, 10), 20_000, 512, 0)
    numbers = np.concatenate(parts)
    late = numbers - np.arange(20_000)  # how long after its turn a row was drawn
    assert 300 < np.abs(late).mean() < 1000
    assert not np.array_equal(numbers, np.concatenate(drawn(Shuffle(1000, 10), 20_000, 512, 1)))
