"""The Hessian of a risk on a working set of coefficients, with the intercepts profiled out."""

from typing import Any

import numpy as np
from scipy import sparse

from skreg._kernels import extrapolation
from skreg._kernels import sparse as row_sums
from skreg.quadratic.factor import DenseFactor
from skreg.quadratic.hessian import Hessian
from skreg.rows.products import add_gram, product, symmetric, with_room

# Curvatures below this part of their mean are raised to it; more when steps prove too long.
FLOOR = 1e-6
# Columns of the working set are kept while they are fewer than this share of all.
_KEEP = 0.25
# Flops that a step's bookkeeping is worth.
_OVERHEAD = 5e6
# Curvature of what classes have in common, as a share of their mean: bounds may draw it far.
_TOGETHER = 1e-3
_NOTHING = np.empty(0)


class WorkingHessian(Hessian):
    """H as an array on the coefficients ``which``, which grow, at the curvature of one point.

    Parameters
    ----------
    risk : EmpiricalRisk
    curvature : ndarray of shape (n, K)
        As `EmpiricalRisk.derivatives_at` gives it, with a floor where the risk is flat.
    which : ndarray of int
    before : WorkingHessian or None, default=None
        Another one, whose columns may be copied.

    Attributes
    ----------
    matrix : ndarray of shape (k, k)
    inner : InnerKernel or None
        The penalized problem on this Hessian, which goes on from one gradient and λ to the next.
    columns : ndarray or CSC of shape (n, k), or None
        Those of the working set, where they are few.
    """

    def __init__(self, risk, curvature, which, before=None):
        super().__init__(risk, curvature, with_floor=False)
        self.inner: Any = None
        self.which = np.empty(0, dtype=np.intp)
        self.matrix = np.empty((0, 0))
        self.mixed = np.empty((len(self.inverse_bb), 0))
        self.columns: Any = None
        self._rests: dict[Any, Any] = {}  # N, by the point
        self.extend(which, before)

    def factor(self, ridge):
        return DenseFactor(self.matrix, ridge, None, self.mixed, self.inverse_bb)

    def hold_together(self, free):
        """Give curvature to what all classes have in common in these coefficients.

        Without a penalty it is undetermined; so it stays where it is. A step's fixed point is the
        same, as the gradient is the risk's own.
        """
        features = np.where(np.isin(self.which, free), self.which % self.risk.n_features, -1)
        alike = (features[:, None] == features) & (features >= 0)
        # In the units of the feature itself: those of others may be far larger.
        own = alike @ np.diag(self.matrix) / np.maximum(alike.sum(axis=1), 1)
        self.matrix += alike * (_TOGETHER * own)

    def extend(self, new, before=None):
        """Take in the coefficients ``new``, at the same curvature."""
        known = len(self.which)
        self.which = np.concatenate([self.which, new])
        if not len(new) and known:
            return
        self._keep_columns(known, new, before)
        cross, mixed = self._products(known, new)
        mixed = mixed[: len(self.inverse_bb)]
        self.mixed = np.hstack([self.mixed, mixed])
        if self.risk.fit_intercept:
            cross -= product(product(self.mixed.T, self.inverse_bb), mixed)
        self.matrix = matrix = with_room(self.matrix, (len(self.which),) * 2)
        matrix[:, known:] = cross
        matrix[known:, :known] = cross[:known].T
        matrix[known:, known:] = symmetric(np.ascontiguousarray(cross[known:]))  # to the last bit

    @property
    def step_cost(self):
        """Flops of a step by this Hessian."""
        risk, size = self.risk, len(self.which)
        width = size if self.columns is not None else risk.n_features
        return 8.0 * len(risk.y) * width * risk.n_outputs + size**3 / 3 + _OVERHEAD

    @property
    def renewal_cost(self):
        """Flops of one like it."""
        size = len(self.which)
        return len(self.risk.y) * size * (size + 8.0)

    # What the columns kept are for ---------------------------------------------------------------

    def dot(self, theta):
        """(X − c)θ, shape (n, 1), for θ that is 0 outside the working set."""
        return (self.columns @ theta[self.which]).reshape(-1, 1)

    def transposed_dot(self, residual, which=slice(None)):
        """(X − c)ᵀr on the working set."""
        return self.columns[:, which].T @ residual[:, 0]

    def _keep_columns(self, known, new, before):
        design = self.risk.design
        few = self.risk.n_outputs == 1 and len(self.which) <= _KEEP * design.shape[1]
        if not few or (known and self.columns is None):
            self.columns = None
        elif design.is_all_sparse:
            more = design.kept_columns(new)
            self.columns = sparse.hstack([self.columns, more], format="csc") if known else more
        else:
            kept = np.empty((0, design.shape[0])) if self.columns is None else self.columns.T
            self.columns = with_room(kept, (len(self.which), design.shape[0])).T
            found = None if before is None else before.kept(new)
            self.columns[:, known:] = design.columns(new) if found is None else found

    def kept(self, which):
        """(X − c)[:, which], where they are all among the columns kept, and None elsewhere."""
        if self.columns is None:
            return None
        places = np.full(self.risk.n_features, -1)
        places[self.which] = np.arange(len(self.which))
        places = places[which]
        # Rows of whole cache lines, where those of X may have to be picked one by one.
        return self.columns.T.take(places, axis=0).T if (places >= 0).all() else None

    # Products ------------------------------------------------------------------------------------

    def rest(self, point):
        """N = g − Hθ at a point, of which ½θᵀHθ + Nᵀθ is the quadratic there."""
        known = self._rests.get(point, _NOTHING)
        if len(known) == len(self.which):
            return known
        new = slice(len(known), None)
        more = point.gradient[self.which[new]] - self.matrix[new] @ point.theta[self.which]
        return np.append(known, more)

    def settle(self, point, rest):
        """Know N of a point where the kernel has its solution for the linear term ``rest``."""
        self._rests[point] = point.gradient[self.which] + (rest + self.inner.slope)

    def rests(self, points):
        """N of several points, kept for those of them that are asked for again."""
        self._rests = {point: self.rest(point) for point in points}
        return np.array([self._rests[point] for point in points])

    def intercept_way(self, way):
        """How the best intercepts move beside the coefficients ``which``."""
        return -self.inverse_bb @ (self.mixed @ way)

    def intercept_way_back(self, total):
        """How ∂R/∂θ of the coefficients ``which`` moves as the intercepts make up for ``total``."""
        return -(self.inverse_bb @ total) @ self.mixed

    def linear_residual(self, points, weights, raw):
        """The residual at ``raw`` by this Hessian, as seen from the points' weighted mean.

        With the weights of a step's own extrapolation this is the dual point of the step's
        quadratic, which meets the conditions on the working set exactly.
        """
        if self.risk.n_outputs == 1 and self.risk.loss.is_compiled:
            known = [(point.raw, point.residual) for point in points]
            inverse = self.inverse_bb.sum()  # nothing without an intercept
            return extrapolation.linear_residual(self.curvature, raw, known, weights, inverse)
        each = list(zip(weights, points, strict=True))
        residual = self.rows_times(raw - sum(weight * point.raw for weight, point in each))
        residual += sum(weight * point.residual for weight, point in each)
        if self.risk.fit_intercept:
            shift = self.inverse_bb @ np.add.reduce(residual, axis=0)
            residual -= self.rows_times(shift[None])
        return residual

    def _products(self, known, new):
        """H[which, new] at fixed intercepts, and ∂²R/∂b∂θ of ``new``, (K, len(new))."""
        design, weights, columns = self.risk.design, self.curvature, self.columns
        if self.risk.loss.coupled:
            return self.at_fixed_intercepts(self.which, known)
        if columns is None and design.is_all_sparse:
            columns = design.kept_columns(self.which)
        if sparse.issparse(columns) and not known:
            rows, gram = columns.tocsr(), np.zeros((columns.shape[1],) * 2)
            row_sums.gram(rows.indptr, rows.indices, rows.data, weights[:, 0], gram)
            return gram, (columns.T @ weights).T
        if sparse.issparse(columns):
            right = columns[:, known:].multiply(weights).tocsc()
            return (columns.T @ right).toarray(), np.asarray(right.sum(axis=0)).reshape(1, -1)
        if columns is not None and not known:
            gram = add_gram(columns * np.sqrt(weights), None)
            return symmetric(gram), product(weights.T, columns)
        if columns is not None:
            right = columns[:, known:] * weights
            return product(columns.T, right), right.sum(axis=0)[None]
        if 8 * len(new) <= len(self.which):  # cheaper by passes over X as it lies
            right = design.columns(new) * weights
            return design.transposed_dot(right)[self.which], right.sum(axis=0)[None]
        return self.at_fixed_intercepts(self.which, known)


def raised(risk, point, floor=FLOOR):
    """The curvature with none far below the mean, so that the quadratic has a minimizer.

    Of a loss that is flat somewhere, none far below that of a parabola above the loss: with a floor
    of 1 the quadratic lies above the risk, and every step descends.
    """
    curvature = point.curvature
    if risk.loss.coupled:
        return curvature
    share = risk.share[:, None]
    if risk.loss.has_flat_parts:
        return np.maximum(curvature, floor * share * risk.loss.majorizer(risk.y, point.raw))
    mean = float(curvature.sum())
    return np.maximum(curvature, floor * mean * share) if mean > 0 else share.copy()
