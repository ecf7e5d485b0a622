"""Squared error at the price of moments: the rows are summed once for all splits and every λ.

A path follows from the moments of the training part, and mean squares and R² on the test part from
its own. Where p > n the ridge is known by products of rows, n × n, of which each training part has
a block. What neither can say, and what fails, is left to the rows (`path_folds`).
"""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import accumulate

import numpy as np
from scipy.sparse import issparse

from skreg._threads import one_blas_thread
from skreg.estimators._fitting import Fitting, LinearModel
from skreg.model_selection import path_folds
from skreg.model_selection.job import Declined, along_path, or_else
from skreg.model_selection.metrics import NoFormula, SquareScores
from skreg.model_selection.pipelines import stands_alone
from skreg.model_selection.wide_ridge import row_products
from skreg.quadratic import Moments, Quadratic
from skreg.quadratic.quadratic import GramQuadratic
from skreg.rows.products import together
from skreg.solvers.method import by_targets

# A feature (or target) whose spread in the training part is below this share of that in all rows
# has lost digits by a subtraction: the training part is summed by itself.
_KEPT = 0.05
# Numbers that the moments of all parts may take whatever the size of X.
_SMALL = 2**20
# Splits that are solved before the next are begun, where moments are not kept.
_AT_ONCE = 16


def serves(job):
    """A linear regressor of this package with squared error, by itself."""
    if not stands_alone(job):
        return False
    loss = LinearModel(job.estimator).asked_loss
    return loss is not None and loss.is_quadratic


def run(job):
    """Solve every λ on the training part of each split, and score it. See `Route`."""
    folds = _MomentFolds(job)
    for j in folds.solve():
        yield j, folds.done[j]
    return {"path": folds.path}


def all_rows(job):
    """The `Fitting` of all rows, whose moments are those of the splits together, for a grid of λ.

    None where they are not. The λ of the `Job` are not needed yet.
    """
    if not serves(job):
        return None
    try:
        folds = _MomentFolds(job)
        whole = folds.whole()
        return None if whole is None else folds.fitting(whole, slice(None))
    except Declined:
        return None


class _MomentFolds:
    """The rows of a job, checked once, and its splits.

    ``done`` are the results of each split, as `Scores` has them, and ``path`` is that of all rows,
    where their moments came up.
    """

    def __init__(self, job):
        self.job, self.splits, self.done, self.path = job, job.splits, {}, None
        try:
            self.source, sample = Fitting.sample(job.estimator, job.X, job.y, **job.fit_params)
        except (TypeError, ValueError) as error:  # as scikit-learn's checks of data raise
            raise Declined(str(error)) from error
        X, y, self.weights = sample.X, sample.y, sample.weights
        self.X, self.dtype, self.single = X.tocsr() if issparse(X) else X, X.dtype, y.ndim == 1
        self.y = _columns(sample.remainder)
        self.squares, self.alike = None, False
        with suppress(NoFormula):
            model = LinearModel(self.source)
            self.squares = SquareScores(model, job.scorers, job.score_params, _columns(y))
            # Whether what was summed for the fit says what is to be scored.
            weights = np.asarray(self.squares.weights), np.asarray(self.weights)
            self.alike = sample.offset is None and np.array_equal(*weights)

    def solve(self):
        """Solve the splits; yields each when it is done."""
        others = [j for j, split in enumerate(self.splits) if not self._is_tall(split[0])]
        with one_blas_thread():
            start = time.perf_counter()
            for members, parts, whole in self._rounds():
                each = (time.perf_counter() - start) / len(members)
                pieces: list[tuple] = [
                    (self._one_split, self._by_moments, j, parts, each) for j in members
                ]
                if whole is not None and self.path is None:
                    pieces.append((self._of_all_rows, whole))
                together(_call, pieces)
                yield from members
                start = time.perf_counter()
            if others:
                self._products = None
                if self.squares is not None and not self.job.return_train_score:
                    model = LinearModel(self.source)
                    self._products = row_products(model, self.X, self.job.shared)
                pieces = [(self._one_split, self._by_rows, j) for j in others]
                if self.path is None and self._products is None:
                    pieces.append((self._of_all_rows, None))
                together(_call, pieces)
                yield from others

    def whole(self):
        """The `Moments` of all rows if those of the first splits are found with them."""
        found = self._rounds()
        members, _, whole = next(found, ([], None, None))
        if len(members) == len(self.splits):
            list(found)  # no more of them: this one is kept
        return whole

    def _rounds(self):
        """`rounds`, kept for the other jobs of the search if it is one alone."""
        if kept := self.job.shared.get("rounds"):
            yield from kept
            return
        tall = {j: split for j, split in enumerate(self.splits) if self._is_tall(split[0])}
        made: list[tuple] = []
        for one in rounds(self._sums, tall, self.X.shape):
            made = [*made[-1:], one]
            yield one
        if len(made) == 1:
            self.job.shared["rounds"] = made

    def _is_tall(self, train):
        p = self.X.shape[1]
        return 8 * p * p <= self.X.data.nbytes if issparse(self.X) else p <= len(train)

    def _sums(self, rows):
        with np.errstate(invalid="ignore", over="ignore"):  # the sums tell, and the rows then fail
            return Moments.of(*self._rows(rows))

    def _rows(self, rows):
        """X, y and the weights of some rows."""
        rows = as_slice(rows)
        return self.X[rows], self.y[rows], None if self.weights is None else self.weights[rows]

    # One split -----------------------------------------------------------------------------------

    def _one_split(self, solve, j, *arguments):
        self.done[j] = or_else(
            lambda: solve(j, *arguments), lambda: path_folds.one_split(self.job, j)
        )

    def _by_moments(self, j, parts, seconds):
        """Solve split j by the moments of its parts, for which so many ``seconds`` went by."""
        return self._by_path(j, time.perf_counter() - seconds, *parts(j))

    def _by_rows(self, j):
        """Solve split j by products of rows, or by the rows themselves."""
        start = time.perf_counter()
        train, test = self.splits[j]
        if self._products is not None and len(train) < self.X.shape[1]:
            weights = None if self.weights is None else self.weights[train]
            found = self._products.predictions(train, test, self.y[train], weights, self.job.alphas)
            if found is not None and self.squares is not None:
                tests = self.squares.by_predictions(test, found.__getitem__, len(found))
                if tests is not None:
                    if self.job.watch.is_on:
                        for i in range(len(tests)):
                            self.job.watch.solved(j, i)
                    return along_path(len(test), tests, None, time.perf_counter() - start, 0.0)
        return self._by_path(j, start)

    def _by_path(self, j, start, trained=None, tested=None):
        """Follow the path of split j, begun at ``start``, by the moments of its parts if known."""
        train, test = self.splits[j]
        path = self._path(trained, train, self.job.watch.of_split(j))
        solved = time.perf_counter()
        tests = self._scores(path, test, tested)
        seconds = solved - start, time.perf_counter() - solved
        trains = self._scores(path, train, trained) if self.job.return_train_score else None
        return along_path(len(test), tests, trains, *seconds)

    def _scores(self, path, rows, moments):
        """Scores of each λ on some rows: by moments, or by predictions."""
        scores = None
        if moments is not None and self.squares is not None and self.alike:
            scores = self.squares.by_moments(moments, *by_targets(path))
        return path_folds.scores_on(self.job, path, rows) if scores is None else scores

    def _of_all_rows(self, moments):
        try:
            self.path = self._path(moments, slice(None))
        except (Declined, ValueError, Warning):
            self.path = None  # the fit to all rows will say why

    def model(self, moments, rows):
        """The quadratic of some rows, from their moments if these are known."""
        if moments is None:
            X, y, weights = self._rows(rows)
            y = y[:, 0] if self.single else y
            source = self.source
            return Quadratic.from_rows(X, y, weights, source.fit_intercept, type(source).__name__)
        made = GramQuadratic(
            moments, self.source.fit_intercept, lambda: self._rows(rows), self.dtype, self.single
        )
        if not made.is_finite:
            raise Declined("X is not finite")
        return made

    def fitting(self, moments, rows):
        """The estimator and the quadratic of some rows."""
        return Fitting(self.source, self.model(moments, rows))

    def _path(self, moments, rows, on_solved=None):
        fitting = self.fitting(moments, rows)
        return fitting.as_path(fitting.solve_closely(self.job.alphas, on_solved), self.job.X)


def _call(function, *arguments):
    function(*arguments)


def _columns(y):
    return np.asarray(y, dtype=np.float64).reshape(len(y), -1)


def rounds(sums, splits, shape) -> Iterator[tuple[list[int], Callable, Moments | None]]:
    """Every split once, those together whose moments are found together.

    Test parts that make up all rows, as those of k folds do, are summed once; the training part of
    each is the sum of the others, so that nothing is subtracted and nothing cancels. Where that
    needs more room than X does, and where the test parts are not all rows, a training part is all
    rows less the test part. Where these overlap or leave rows out, and where a subtraction would
    cost digits, its own rows are summed.

    ``sums(rows)`` gives the `Moments` of rows, ``splits`` are (train, test) by number, ``shape`` is
    that of X. Yields the numbers of some splits, a function that gives the `Moments` of the
    training and the test part of each, and those of all rows, None where they did not come up.
    """
    n_rows, n_features = shape
    left = []
    for members, covers in _sequences(splits, n_rows):
        room = 2 * len(members) * n_features**2
        if not covers or room > max(n_rows * n_features, _SMALL):
            left += members
            continue
        tests = [sums(splits[j][1]) for j in members]
        trains = all_but_each(tests)
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


def all_but_each(parts):
    """The sums of all parts but one, for each: nothing is subtracted."""
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
            if are_complements(train, test, n_rows) and 2 * len(test) <= len(train)
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
