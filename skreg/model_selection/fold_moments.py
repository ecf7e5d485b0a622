"""Moments of the training and the test part of every split, each row summed as rarely as can be."""

from collections.abc import Callable, Iterator
from itertools import accumulate

import numpy as np

from skreg.quadratic import Moments

# A feature (or target) whose spread in the training part is below this share of that in all rows
# has lost digits by a subtraction: the training part is summed by itself.
_KEPT = 0.05
# Numbers that the moments of all parts may take whatever the size of X.
_SMALL = 2**20
# Splits that are solved before the next are begun, where moments are not kept.
_AT_ONCE = 16


def rounds(sums, splits, shape) -> Iterator[tuple[list[int], Callable, Moments | None]]:
    """Every split once, those together whose moments are found together.

    Test parts that make up all rows, as those of k folds do, are summed once; the training part of
    each is the sum of the others, so that nothing is subtracted and nothing cancels. Where that
    needs more room than X does, and where the test parts are not all rows, a training part is all
    rows less the test part. Where these overlap or leave rows out, and where a subtraction would
    cost digits, its own rows are summed.

    Parameters
    ----------
    sums : callable
        The `Moments` of the rows of which it is given the indices.
    splits : dict of int to (train, test)
    shape : (int, int)
        Of X.

    Yields
    ------
    members : list of int
        Keys of ``splits``.
    parts : callable
        ``parts(j)`` gives the `Moments` of the training and the test part of split j.
    whole : Moments or None
        Of all rows, where they came up.
    """
    n_rows, n_features = shape
    left = []
    for members, covers in _sequences(splits, n_rows):
        room = 2 * len(members) * n_features**2
        if not covers or room > max(n_rows * n_features, _SMALL):
            left += members
            continue
        tests = [sums(splits[j][1]) for j in members]
        trains = _all_but_each(tests)
        pairs = dict(zip(members, zip(trains, tests, strict=True), strict=True))
        yield members, pairs.__getitem__, trains[0] + tests[0]
    if left:
        subtraction = _Subtraction(sums, splits, left, n_rows)
        for start in range(0, len(left), _AT_ONCE):
            yield left[start : start + _AT_ONCE], subtraction, subtraction.whole


def _sequences(splits, n_rows):
    """Sequences of splits, and whether their test parts are all rows, each row in one of them."""
    members: list[int] = []
    seen = np.zeros(n_rows, dtype=bool)
    for j, (train, test) in splits.items():
        alone = not are_complements(train, test, n_rows)
        if (alone or seen[test].any()) and members:
            yield members, False
            members, seen = [], np.zeros(n_rows, dtype=bool)
        members.append(j)
        seen[test] = True
        if alone or seen.all():
            yield members, not alone and len(members) > 1
            members, seen = [], np.zeros(n_rows, dtype=bool)
    if members:
        yield members, False


def are_complements(train, test, n_rows):
    """Whether every row is in one of the two, and in it once."""
    if len(train) + len(test) != n_rows:
        return False
    count = np.bincount(train, minlength=n_rows) + np.bincount(test, minlength=n_rows)
    return bool((count == 1).all())


def _all_but_each(parts):
    """The sums of all parts but one, for each."""
    before = list(accumulate(parts[:-1]))
    after = list(accumulate(parts[:0:-1]))[::-1]
    inner = [a + b for a, b in zip(before, after[1:], strict=False)]
    return [after[0], *inner, before[-1]]


class _Subtraction:
    """Parts of a split: all rows less the test part, if that is less work and keeps the digits."""

    def __init__(self, sums, splits, members, n_rows):
        self._sums, self._splits = sums, splits
        self._smaller = {
            j
            for j in members
            for train, test in [splits[j]]
            if are_complements(train, test, n_rows) and _is_small(train, test)
        }
        self.whole = sums(np.arange(n_rows)) if len(self._smaller) > 1 else None

    def __call__(self, j):
        train, test = self._splits[j]
        tested, whole = self._sums(test), self.whole
        if whole is not None and j in self._smaller and 0 < tested.weight < whole.weight:
            rest = whole - tested
            if _keeps_digits(rest, whole):
                return rest, tested
        return self._sums(train), tested


def _is_small(train, test):
    return 2 * len(test) <= len(train)


def _keeps_digits(rest, whole):
    return bool(
        (np.diag(rest.xx) >= _KEPT * np.diag(whole.xx)).all()
        and (rest.yy >= _KEPT * whole.yy).all()
        and rest.weight >= _KEPT * whole.weight
    )


def as_slice(rows):
    """Rows one after the other as a slice, which copies nothing."""
    if isinstance(rows, slice) or not len(rows):
        return rows
    first, last = int(rows[0]), int(rows[-1]) + 1
    if last - first == len(rows) and (np.diff(rows) == 1).all():
        return slice(first, last)
    return rows
