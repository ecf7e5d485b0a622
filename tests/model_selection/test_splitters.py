"""Folds by a hash: the same for the same row or value, balanced, and a partition."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skreg.model_selection import HashKFold


@given(st.integers(2, 12), st.integers(0, 2**64 - 1), st.integers(1, 500))
def test_folds_are_a_partition_that_rows_alone_decide(k, seed, n):
    splitter = HashKFold(k, random_state=seed)
    tests = [test for _, test in splitter.split(np.zeros((n, 1)))]
    assert len(tests) == splitter.get_n_splits() == k
    assert sorted(np.concatenate(tests).tolist()) == list(range(n))
    np.testing.assert_array_equal(splitter.fold_of(np.arange(n))[-1:], splitter.fold_of([n - 1]))


def test_folds_are_balanced():
    counts = np.bincount(HashKFold(5).fold_of(np.arange(100_000)))
    assert abs(counts / 20_000 - 1).max() < 0.03


def test_other_seeds_give_other_folds():
    one, other = (HashKFold(2, random_state=s).fold_of(np.arange(10_000)) for s in (0, 1))
    assert 0.45 < (one == other).mean() < 0.55


def test_equal_values_share_a_fold():
    sites = np.random.default_rng(0).choice(["p", "q", "r", "s"], 200)
    frame = pd.DataFrame({"site": sites})
    for train, test in HashKFold(3, by="site").split(frame):
        assert not set(sites[train]) & set(sites[test])
    groups = HashKFold(3).split(np.zeros((200, 1)), groups=sites)
    for one, other in zip(HashKFold(3, by="site").split(frame), groups, strict=True):
        np.testing.assert_array_equal(one[1], other[1])


def test_the_folds_are_those_of_ever():
    """Stored moments by fold stay those of these rows."""
    assert HashKFold(5).fold_of(np.arange(12)).tolist() == [0, 3, 1, 0, 3, 4, 1, 1, 1, 1, 2, 4]
    assert HashKFold(5).fold_of(["a", "b", "c", "d"]).tolist() == [2, 3, 3, 3]


def test_bad_parameters_are_named():
    with pytest.raises(ValueError, match="n_splits must be an integer"):
        next(HashKFold(1).split(np.zeros((3, 1))))
    with pytest.raises(ValueError, match="'nowhere' names no column"):
        next(HashKFold(2, by="nowhere").split(np.zeros((3, 1))))


@pytest.mark.parametrize("unit", ["D", "s", "ns"])
def test_times_are_hashed_alike_in_arrays_and_lists(unit):
    times = np.datetime64("2020-01-01") + np.arange(40)
    listed = (times if unit == "D" else times.astype("datetime64[s]")).tolist()
    folds = HashKFold(5).fold_of(np.array(listed, dtype=object))
    np.testing.assert_array_equal(HashKFold(5).fold_of(times.astype(f"datetime64[{unit}]")), folds)


def test_a_whole_number_is_hashed_alike_beside_other_values():
    mixed = HashKFold(50).fold_of(np.array([2**63, -1, "a", 7], dtype=object))
    np.testing.assert_array_equal(mixed[[1, 3]], HashKFold(50).fold_of([-1, 7]))
    assert mixed[0] == HashKFold(50).fold_of(np.array([2**63], dtype=np.uint64))[0]
    assert mixed[2] == HashKFold(50).fold_of(["a"])[0]


def test_a_seed_is_an_integer():
    with pytest.raises(ValueError, match="random_state must be an integer, got None"):
        HashKFold(random_state=None).fold_of([1])
