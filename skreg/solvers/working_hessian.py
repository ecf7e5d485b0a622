"""The Hessian of a risk on a working set of coefficients, with the intercepts profiled out."""

from typing import Any

import numpy as np
from scipy import sparse

from skreg.quadratic.row_curvature import intercept_block, invert_bb, rows_times
from skreg.rows.products import product

# Curvatures below this part of their mean are raised to it; more when steps prove too long.
FLOOR = 1e-6
# Columns of the working set are kept while they are fewer than this share of all.
_KEEP = 0.25


class WorkingHessian:
    """H on the coefficients ``which``, at the curvature of one point.

    Coefficients are numbered k·p + j for class k and feature j. The entry of (k, j) and (l, i) is
    Σ sᵢ(pₖδₖₗ − pₖpₗ)xⱼxᵢ for the multinomial log loss and Σ sℓ″xⱼxᵢ else; what the best intercepts
    take off is subtracted.

    Parameters
    ----------
    risk : EmpiricalRisk
    curvature : ndarray of shape (n, K)
        As `EmpiricalRisk.derivatives_at` gives it, with a floor where the risk is flat.
    which : ndarray of int

    Attributes
    ----------
    matrix : ndarray of shape (k, k)
    inner : InnerKernel or None
        The penalized problem on this Hessian, which goes on from one gradient and λ to the next.
    columns : ndarray or CSC of shape (n, k), or None
        Those of the working set, where they are few.
    """

    def __init__(self, risk, curvature, which):
        self.risk, self.curvature = risk, curvature
        self.inner = None
        self.which = np.empty(0, dtype=np.intp)
        self.matrix = np.empty((0, 0))
        self.columns: Any = None
        self._tilt = np.empty((0, risk.n_outputs))
        if risk.fit_intercept:
            self._bend = invert_bb(intercept_block(risk, curvature), risk.loss.coupled)
        self.extend(which)

    def hold_together(self, free):
        """Give curvature to what all classes have in common in these coefficients.

        Without a penalty it is undetermined; so it stays where it is. A step's fixed point is the
        same, as the gradient is the risk's own.
        """
        features = np.where(np.isin(self.which, free), self.which % self.risk.n_features, -1)
        alike = (features[:, None] == features) & (features >= 0)
        self.matrix = self.matrix + alike * np.diag(self.matrix).mean()

    def extend(self, new):
        """Take in the coefficients ``new``, at the same curvature."""
        known = len(self.which)
        self.which = np.concatenate([self.which, new])
        if not len(new) and known:
            return
        self._keep_columns(known, new)
        cross, tilt = self._products(new)
        if self.risk.fit_intercept:
            self._tilt = np.vstack([self._tilt, tilt])
            cross -= product(product(self._tilt, self._bend), tilt.T)
        matrix = np.empty((len(self.which),) * 2)
        matrix[:known, :known] = self.matrix
        matrix[:, known:] = cross
        matrix[known:, :known] = cross[:known].T
        own = matrix[known:, known:]
        matrix[known:, known:] = 0.5 * (own + own.T)  # alike to the last bit
        self.matrix = matrix

    # What the columns kept are for ---------------------------------------------------------------

    def dot(self, theta):
        """(X − c)θ, shape (n, 1), for θ that is 0 outside the working set."""
        return _as_column(self.columns @ theta[self.which])

    def transposed_dot(self, residual, which=slice(None)):
        """(X − c)ᵀr on the working set."""
        return self.columns[:, which].T @ residual[:, 0]

    def _keep_columns(self, known, new):
        design = self.risk.design
        few = self.risk.n_outputs == 1 and len(self.which) <= _KEEP * design.shape[1]
        if not few or (known and self.columns is None):
            self.columns = None
        elif design.is_all_sparse:
            more = design.kept_columns(new)
            self.columns = sparse.hstack([self.columns, more], format="csc") if known else more
        else:
            columns = np.empty((design.shape[0], len(self.which)), order="F")
            if known:
                columns[:, :known] = self.columns
            columns[:, known:] = design.columns(new)
            self.columns = columns

    # Products ------------------------------------------------------------------------------------

    def intercept_way(self, way):
        """How the best intercepts move beside the coefficients ``which``."""
        return -self._bend @ (self._tilt.T @ way)

    def solve(self, gradient, total):
        """Newton's step (coefficients, intercepts) for a gradient in both; the least in norm."""
        if self.risk.fit_intercept:
            gradient = gradient - self._tilt @ (self._bend @ total)
        step = np.linalg.lstsq(self.matrix, gradient, rcond=None)[0]
        if not self.risk.fit_intercept:
            return step, np.zeros_like(total)
        return step, self._bend @ (total - self._tilt.T @ step)

    def rows_times(self, z):
        """share·ℓ″z row by row: how the residual moves when the raw predictions move by z."""
        return rows_times(self.risk, self.curvature, z)

    def linear_residual(self, points, weights, raw):
        """The residual at ``raw`` by this Hessian, as seen from the points' weighted mean.

        With the weights of a step's own extrapolation this is the dual point of the step's
        quadratic, which meets the conditions on the working set exactly.
        """
        residual, way = np.zeros_like(raw), raw.copy()
        for weight, point in zip(weights, points, strict=True):
            residual += weight * point.residual
            way -= weight * point.raw
        residual += self.rows_times(way)
        if self.risk.fit_intercept:
            shift = np.broadcast_to(self._bend @ residual.sum(axis=0), raw.shape)
            residual -= self.rows_times(shift)
        return residual

    def _products(self, new):
        """H[which, new] before profiling, and ∂²R/∂θ∂b of ``new``, (len(new), K)."""
        risk, first = self.risk, len(self.which) - len(new)
        if risk.loss.coupled:
            return self._coupled_products(first)
        design, weights = risk.design, self.curvature
        if self.columns is not None or design.is_all_sparse:
            columns = self.columns
            if columns is None:
                columns = design.kept_columns(self.which)
            if sparse.issparse(columns):
                right = columns[:, first:].multiply(weights).tocsc()
                cross = (columns.T @ right).toarray()
            else:
                right = columns[:, first:] * weights
                cross = product(columns.T, right)
            return cross, np.asarray(right.sum(axis=0)).reshape(-1, 1)
        if 8 * len(new) <= len(self.which):  # cheaper by passes over X as it lies
            right = design.columns(new) * weights
            return design.transposed_dot(right)[self.which], right.sum(axis=0)[:, None]
        cross, tilt = np.zeros((len(self.which), len(new))), np.zeros((len(new), 1))
        for rows, block in design.row_blocks(self.which):
            right = block[:, first:] * weights[rows]
            cross += product(block.T, right)
            tilt += right.sum(axis=0)[:, None]
        return cross, tilt

    def _coupled_products(self, first):
        """H = Σₖ XₖᵀD(s·pₖ)Xₖ − MᵀD(s)M, where M has the columns pₖxⱼ."""
        risk = self.risk
        classes, features = np.divmod(self.which, risk.n_features)
        fresh = classes[first:]
        cross = np.zeros((len(classes), len(fresh)))
        tilt = np.zeros((len(fresh), risk.n_outputs))
        for rows, block in risk.design.row_blocks(features):
            probability = self.curvature[rows]
            left = block * probability[:, classes]
            right = left[:, first:] * risk.share[rows, None]
            cross -= product(left.T, right)
            tilt -= product(right.T, probability)
            tilt[np.arange(len(fresh)), fresh] += right.sum(axis=0)
            for k in np.unique(fresh):
                rows_of, columns_of = np.flatnonzero(classes == k), np.flatnonzero(fresh == k)
                part = product(
                    np.ascontiguousarray(block[:, rows_of]).T,
                    np.ascontiguousarray(right[:, columns_of]),
                )
                cross[np.ix_(rows_of, columns_of)] += part
        return cross, tilt


def raised(risk, curvature, floor=FLOOR):
    """The curvature with none far below the mean, so that the quadratic has a minimiser."""
    if risk.loss.coupled:
        return curvature
    share = risk.share[:, None]
    mean = float(curvature.sum())
    return np.maximum(curvature, floor * mean * share) if mean > 0 else share.copy()


def _as_column(x):
    return np.asarray(x).reshape(-1, 1)
