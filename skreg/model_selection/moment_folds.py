"""Squared error at the price of moments: the rows are summed once for all splits and every λ.

A path follows from the moments of the training part, and mean squares and R² on the test part from
its own. Where p > n the ridge is known by products of rows, n × n, of which each training part has
a block. What neither can say, and what fails, is left to the rows (`path_folds`).
"""

import time

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.metaestimators import _safe_split
from sklearn.utils.validation import _check_method_params

from skreg._threads import one_blas_thread
from skreg._validation import check_alphas
from skreg.estimators._fitting import Fitting, LinearModel
from skreg.model_selection import path_folds
from skreg.model_selection.fold_moments import as_slice, rounds
from skreg.model_selection.job import Declined, along_path, or_else
from skreg.model_selection.metrics import NoFormula, SquareScores
from skreg.model_selection.pipelines import stands_alone
from skreg.model_selection.wide_ridge import RowProducts
from skreg.quadratic import Moments, Quadratic
from skreg.quadratic.quadratic import GramQuadratic
from skreg.rows.products import together


def serves(job):
    """A linear regressor of this package with squared error, by itself."""
    estimator = job.estimator
    if not stands_alone(job):
        return False
    loss = LinearModel(estimator).asked_loss
    return (
        loss is not None
        and loss.is_quadratic
        and estimator.norm_bound is None
        and set(job.fit_params) <= {"sample_weight", "offset"}
    )


def run(job):
    """Solve every λ on the training part of each split, and score it. See `Route`."""
    folds = _Folds(job)
    for j in folds.solve():
        yield j, folds.done[j]
    return {"path": folds.path}


def all_rows(job):
    """All rows, as the moments of the splits add up to them: for a grid of λ.

    Parameters
    ----------
    job : Job
        Its λ are not needed yet.

    Returns
    -------
    Fitting or None
        None where the sums of the splits are not those of all rows.
    """
    if not serves(job):
        return None
    try:
        folds = _Folds(job)
        whole = folds.whole()
        return None if whole is None else folds.fitting(whole, slice(None))
    except Declined:
        return None


class _Folds:
    """The rows of a job, checked once, and its splits.

    Attributes
    ----------
    done : dict of int to list of dict
        Results of splits, as `Scores` has them.
    path : RegularizationPath or None
        Of all rows, where their moments came up.
    """

    def __init__(self, job):
        self.job, self.done, self.path = job, {}, None
        try:
            self.alphas = check_alphas(job.alphas)[0] if len(job.alphas) else job.alphas
            self.source, sample = Fitting.sample(job.estimator, job.X, job.y, **job.fit_params)
        except (TypeError, ValueError) as error:  # as scikit-learn's checks of data raise
            raise Declined(str(error)) from error
        X, y, self.weights = sample.X, sample.y, sample.weights
        self.X, self.dtype, self.single = X.tocsr() if issparse(X) else X, X.dtype, y.ndim == 1
        self.y = _columns(sample.remainder)
        self.splits = [(np.asarray(train), np.asarray(test)) for train, test in job.splits]
        try:
            squares = SquareScores(
                LinearModel(self.source), job.scorers, job.score_params, _columns(y)
            )
        except NoFormula:
            squares = None
        self.squares = squares
        # Whether what was summed for the fit says what is to be scored.
        self.alike = (
            squares is not None and sample.offset is None and _same(squares.weights, self.weights)
        )

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
                self._products = self._row_products()
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
            return Moments.from_rows(*self._rows(rows))

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
        start = time.perf_counter() - seconds
        train, test = self.splits[j]
        trained, tested = parts(j)
        path = self._path(trained, train, self.job.watch.of_split(j))
        return self._finish(start, path, {"test": (test, tested), "train": (train, trained)})

    def _by_rows(self, j):
        """Solve split j by products of rows, or by the rows themselves."""
        start = time.perf_counter()
        train, test = self.splits[j]
        tests = self._wide_scores(train, test)
        if tests is not None:
            return along_path(len(test), tests, None, time.perf_counter() - start, 0.0)
        path = self._path(None, train, self.job.watch.of_split(j))
        return self._finish(start, path, {"test": (test, None), "train": (train, None)})

    def _finish(self, start, path, parts):
        """Score a path that was begun at ``start``; ``parts`` are rows, and moments if known."""
        solved = time.perf_counter()
        tests = self._scores(path, *parts["test"])
        scored = time.perf_counter()
        trains = self._scores(path, *parts["train"]) if self.job.return_train_score else None
        n_test = len(parts["test"][0])
        seconds = solved - start, scored - solved
        return along_path(n_test, tests, trains, *seconds)

    def _scores(self, path, rows, moments):
        """Scores of each λ on some rows: by moments, by sums of squares, or by the scorers."""
        scores = None
        if self.squares is not None:
            coefs, intercepts = _by_targets(path)
            if moments is not None and self.alike:
                scores = self.squares.by_moments(moments, coefs, intercepts)
            if scores is None:
                scores = self._by_predictions(self.squares, rows, coefs, intercepts)
        return self._by_scorers(path, rows) if scores is None else scores

    def _by_predictions(self, squares, rows, coefs, intercepts):
        X = self.X[as_slice(rows)]

        def predict(some):
            flat = coefs[some].reshape(-1, coefs.shape[-1])
            raw = (X @ flat.T).T.reshape(-1, coefs.shape[1], len(rows))
            return (raw + intercepts[some, :, None]).swapaxes(1, 2)

        return squares.by_predictions(rows, predict, len(coefs))

    def _by_scorers(self, path, rows):
        job = self.job
        X, y = _safe_split(job.estimator, job.X, job.y, rows)
        params = _check_method_params(job.X, job.score_params, rows)
        return path_folds.scores_one_by_one(job, path, X, y, params)

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
            return Quadratic.from_rows(X, y, weights, self.source.fit_intercept)
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
        return fitting.as_path(fitting.solve_closely(self.alphas, on_solved), self.job.X)

    # More features than rows ---------------------------------------------------------------------

    def _wide_scores(self, train, test):
        """Scores of each λ of a ridge with p > n by products of rows; None if rows are needed."""
        if len(train) >= self.X.shape[1] or self._products is None:
            return None
        weights = None if self.weights is None else self.weights[train]
        found = self._products.predictions(train, test, self.y[train], weights, self.alphas)
        if found is None:
            return None
        assert self.squares is not None  # or there were no products of rows
        return self.squares.by_predictions(test, found.__getitem__, len(self.alphas))

    def _row_products(self):
        """Products of rows, where they are all that is needed, and less than all splits need."""
        n, p = self.X.shape
        if (
            not LinearModel(self.source).is_ridge
            or self.source.penalty_factors is not None
            or issparse(self.X)
            or self.squares is None
            or self.job.return_train_score
            or n >= p
        ):
            return None
        shared, key = self.job.shared, ("products", self.source.fit_intercept)
        if key not in shared:
            shared[key] = RowProducts(self.X, self.source.fit_intercept)
        return shared[key]


def _call(function, *arguments):
    function(*arguments)


def _columns(y):
    return np.asarray(y, dtype=np.float64).reshape(len(y), -1)


def _same(a, b):
    """Whether two sets of weights are the same, None being ones."""
    return a is b or (a is not None and b is not None and np.array_equal(a, b))


def _by_targets(path):
    """θ (n_alphas, q, p) and b (n_alphas, q) in float64."""
    m, p = len(path), path.coefs.shape[-1]
    coefs = path.coefs.reshape(m, -1, p).astype(np.float64, copy=False)
    return coefs, path.intercepts.reshape(m, -1).astype(np.float64, copy=False)
