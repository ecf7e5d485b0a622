"""A loss that is not its own quadratic: every fold, and all rows, side by side.

The ridge as in `skreg.solvers.fold_paths`, the lasso as in `skreg.solvers.fold_descent`. What
neither serves goes the way of `path_folds`.
"""

import time
from dataclasses import replace
from typing import cast

import numpy as np
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _check_method_params

from skreg._threads import one_blas_thread
from skreg.estimators._fitting import Fitting, LinearModel
from skreg.model_selection import path_folds
from skreg.model_selection.job import Declined, along_path
from skreg.model_selection.pipelines import stands_alone
from skreg.penalties import Separable
from skreg.quadratic import EmpiricalRisk
from skreg.solvers import Task, fold_descent
from skreg.solvers.fold_paths import solve_paths
from skreg.solvers.newton import Newton
from skreg.solvers.solve import reported

# Folds beyond which the shares of the rows, n for each fold, take too much.
_MOST_FOLDS = 20
# Features and rows beyond which the covariance takes too much to decompose.
_MOST_FEATURES = 2000
# A lasso's gap may be so many times what scores ask for: of that size are its errors, where what is
# asked for may be bounded by gradients alone. Not below the last, as passes over columns take long.
_LOOSER, _CLOSEST = 10.0, 1e-12
# Coefficients of every fold and λ that are held, unless X has more numbers.
_HELD = 2**22
# Features without a penalty that are looked at one by one, and the smallest singular value, in
# units in which each is 1, of those that are told apart.
_MOST_FREE, _ALIKE = 50, 1e-6


def serves(job):
    """An estimator on its own, exact, with λ > 0, and scorers that look at predictions."""
    estimator = job.estimator
    if not stands_alone(job):
        return False
    model = LinearModel(estimator)
    loss = model.asked_loss
    return (
        (model.is_ridge or _LOOSER * job.enough >= _CLOSEST)
        and loss is not None
        and loss.has_curvature
        and not loss.is_quadratic
        and estimator.max_expansions is None
        and (job.alphas > 0).all()
        and len(job.splits) <= _MOST_FOLDS
        and path_folds.looks_at_predictions_only(job.scorer, job)
    )


def run(job):
    """Find every solution, of all rows and of the folds, and score the folds. See `Route`."""
    start = time.perf_counter()
    try:
        # Numbers that overflow or vanish: the routes with a path a fold have more patience.
        with np.errstate(over="raise", divide="raise", invalid="raise"):
            folds = _LossFolds(job)
            folds.solve()
    except (FloatingPointError, np.linalg.LinAlgError) as error:
        raise Declined(str(error)) from error
    folds.seconds = time.perf_counter() - start
    for j in range(len(job.splits)):
        with one_blas_thread():  # a second one would go on spinning in the next split's way
            fits = folds.results(j)
        yield j, fits
    return {"path": folds.path}


class _LossFolds:
    """The problem of all rows, and those of the training parts."""

    def __init__(self, job):
        self.job, self.seconds = job, 0.0
        try:
            self.whole = Fitting.of(job.estimator, job.X, job.y, **job.fit_params)
        except (TypeError, ValueError) as error:  # as scikit-learn's checks of data raise
            raise Declined(str(error)) from error
        self.risk = cast(EmpiricalRisk, self.whole.problem)
        n, p = self.risk.X.shape
        self.penalty = cast(Separable, self.whole.penalty(p))
        if self.risk.is_quadratic or not self._is_served():
            raise Declined("another route is faster, or the only one")
        self.weights = np.zeros((n, len(job.splits)))
        self.fittings = []
        for j, (train, _) in enumerate(job.splits):
            alone = self._alone(train, self.risk.X[:, :1])
            self.weights[train, j] = alone.problem.share * alone.problem.weight
            self.fittings.append(alone)
        if not self._tells_free_features_apart():
            raise Declined("features without a penalty have many minimizers in a training part")

    def _is_served(self):
        """Whether a walk serves this penalty on rows of this shape."""
        (n, p), risk = self.risk.X.shape, self.risk
        if self.whole.is_ridge:
            return min(n, p) <= _MOST_FEATURES and not self.penalty.excluded(p).any()
        n_held = (len(self.job.splits) + 1) * len(self.job.alphas) * p
        is_small = n_held <= max(_HELD, getattr(risk.X, "nnz", risk.X.size))
        is_lasso = not self.penalty.is_smooth and self.whole.hessian == "full"
        return is_small and is_lasso and fold_descent.serves(risk, self.penalty)

    def _tells_free_features_apart(self):
        """Whether no combination of features without a penalty is constant in a training part.

        Where one is, the coefficients of least norm are wanted, and steps do not lead to them.
        """
        free = np.flatnonzero(self.penalty.free(self.risk.n_features))
        if not 0 < free.size <= _MOST_FREE:
            return not free.size
        columns = self.risk.design.columns(free)
        return all(self._are_apart(columns, weights) for weights in self.weights.T)

    def _are_apart(self, columns, weights):
        root = np.sqrt(weights / weights.sum())[:, None]
        columns = root * columns
        if self.risk.fit_intercept:
            columns -= root * (root.T @ columns)
        norms = np.linalg.norm(columns, axis=0)
        if not norms.all():
            return False
        singular = np.linalg.svd(columns / norms, compute_uv=False)
        return len(singular) == len(norms) and singular[-1] > _ALIKE

    def _alone(self, train, X):
        """The `Fitting` of a training part, of some columns of X."""
        params = _check_method_params(self.job.X, self.job.fit_params, train)
        y = _safe_indexing(self.job.y, train)
        try:
            alone = Fitting.of_checked(self.whole.estimator, X[train], y, **params)
        except ValueError as error:  # one class only, no weight
            raise Declined(str(error)) from error
        ours, theirs = (getattr(f.estimator, "classes_", ()) for f in (alone, self.whole))
        if not np.array_equal(ours, theirs) or np.bincount(train).max(initial=0) > 1:
            raise Declined("the training parts are unlike the whole")
        return alone

    def solve(self):
        """θ for every fold and λ."""
        if self.whole.is_ridge:
            self._solve_ridge()
        else:
            self._solve_lasso()

    def _on_solved(self, f, i):
        if f < len(self.fittings):
            self.job.watch.solved(f, i)

    def _solve_lasso(self):
        risk, job = self.risk, self.job
        weights = np.column_stack([self.weights, risk.share * risk.weight])
        on_solved = self._on_solved if job.watch.is_on else None
        tol = np.full(weights.shape[1], _LOOSER * job.enough)
        tol[-1] = job.enough
        found = fold_descent.descend_paths(risk, self.penalty, weights, job.alphas, tol, on_solved)
        if found is None:
            raise Declined("coordinate descent takes too long")
        self.coefs, self.intercepts = (part[:-1] for part in found)
        near = tuple(part[-1] for part in found)
        whole = self.whole.solve_closely(job.alphas, start=near)
        self.path = self.whole.as_path(whole, job.X)

    def _solve_ridge(self):
        source, alphas, risk = self.whole.estimator, self.job.alphas, self.risk
        tol, factors = source.tol * Newton.closer, self.whole.ridge_factors
        fold_tol = max(tol, Newton().tol_of_gap(self.job.enough))
        *found, whole = solve_paths(
            risk, self.weights, alphas, factors, tol=tol, fold_tol=fold_tol,
            on_solved=self.job.watch.solved if self.job.watch.is_on else None,
        )  # fmt: skip
        if (whole.gradient_norms <= tol).all():
            task = Task(risk, Separable(0.0, factors), alphas, tol)
            solution = reported(task, whole, Newton(), source.tol, risk)
        else:
            solution = self.whole.solve(alphas, closely=True)
        if solution.notes:  # what there is to warn of is said once, by whoever finds the solutions
            raise Declined(solution.notes[0])
        self.path = self.whole.as_path(solution, self.job.X)
        self.coefs = np.array([part.thetas for part in found])
        self.intercepts = np.array([part.intercepts for part in found])
        for j, (train, _) in enumerate(self.job.splits):
            if (missed := np.flatnonzero(found[j].gradient_norms > fold_tol)).size:
                # To the end: where rows are flat, a gradient that is enough elsewhere says little.
                rest = self._alone(train, risk.X).solve(alphas[missed], closely=True)
                if rest.notes:
                    raise Declined(rest.notes[0])
                self.coefs[j, missed] = rest.coefs.reshape(len(missed), *self.coefs.shape[2:])
                self.intercepts[j, missed] = rest.intercepts.reshape(len(missed), -1)

    def results(self, j):
        """What ``_fit_and_score`` says of every λ of the j-th split."""
        job, (train, test) = self.job, self.job.splits[j]
        start = time.perf_counter()
        tests = self._scores(j, test)
        seconds = self.seconds / len(job.splits), time.perf_counter() - start
        trains = self._scores(j, train) if job.return_train_score else None
        return along_path(len(test), tests, trains, *seconds)

    def _scores(self, j, rows):
        """Numbers, or dicts of numbers, for every λ on some rows."""
        job, path = self.job, self._path(j)
        X, y = self.risk.X[rows], _safe_indexing(job.y, rows)
        params = _check_method_params(job.X, job.score_params, rows)
        return path_folds.scores_of_path(job, path, X, y, params)

    def _path(self, j):
        """The path of all rows with what predicts from that of the j-th split."""
        coefs, intercepts = self.risk.as_seen(self.coefs[j], self.intercepts[j])
        model = self.fittings[j]
        return replace(self.path, coefs=coefs, intercepts=intercepts, model=model)
