"""The Hessian of a risk on a working set of coefficients, with the intercepts profiled out."""

import numpy as np

from skreg.quadratic.blas import product
from skreg.quadratic.rows import slices


class WorkingHessian:
    """H on the coefficients ``which``, at the curvature of one point.

    Coefficients are numbered k·p + j for class k and feature j. The block of (k, j) and (l, i) is
    Σ sᵢ(pₖδₖₗ − pₖpₗ)xⱼxᵢ for the multinomial log loss and Σ sℓ″xⱼxᵢ else; what the best intercepts
    take off is subtracted.

    Parameters
    ----------
    risk : LinearRisk
    curvature : ndarray of shape (n, K)
        As `LinearRisk.derivatives_at` gives it; a floor has been put under it where it is 0.
    which : ndarray of int
        Increasing.
    """

    def __init__(self, risk, curvature, which):
        self.risk, self.curvature = risk, curvature
        self.which = np.empty(0, dtype=np.intp)
        self.matrix = np.empty((0, 0))
        self._tilt = np.empty((0, risk.n_outputs))
        if risk.fit_intercept:
            self._bend = _pseudo_inverse(self._intercept_block())
        self.extend(which)

    def extend(self, new):
        """Take in the coefficients ``new``, at the same curvature."""
        known = len(self.which)
        self.which = np.concatenate([self.which, new])
        if not len(new):
            return
        cross, tilt = self._products(new)
        if self.risk.fit_intercept:
            tilts = np.vstack([self._tilt, tilt])
            cross -= product(product(tilts, self._bend), tilt.T)
            self._tilt = tilts
        matrix = np.empty((len(self.which),) * 2)
        matrix[:known, :known] = self.matrix
        matrix[:, known:] = cross
        matrix[known:, :known] = cross[:known].T
        if known == 0:  # equal to the last bit on either side of the diagonal
            matrix = 0.5 * (matrix + matrix.T)
        self.matrix = matrix

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

    def _intercept_block(self):
        curvature, share = self.curvature, self.risk.share
        if not self.risk.loss.coupled:
            return curvature.sum(axis=0)[:, None]
        weighted = share[:, None] * curvature
        return np.diag(weighted.sum(axis=0)) - weighted.T @ curvature

    def _products(self, new):
        """H[which, new] before profiling, and ∂²R/∂θ∂b of ``new``, (len(new), K)."""
        risk, p = self.risk, self.risk.n_features
        classes, features = np.divmod(self.which, p)
        first = len(self.which) - len(new)
        cross = np.zeros((len(self.which), len(new)))
        tilt = np.zeros((len(new), risk.n_outputs))
        coupled, fresh = risk.loss.coupled, classes[first:]
        if not coupled and not hasattr(risk.design, "_block"):
            columns = risk.design._by_column[:, features]
            right = columns[:, first:].multiply(self.curvature).tocsc()
            return (columns.T @ right).toarray(), np.asarray(right.sum(axis=0)).reshape(-1, 1)
        for rows, block in _row_blocks(risk.design, features):
            curvature = self.curvature[rows]
            if not coupled:
                right = block[:, first:] * curvature
                cross += product(block.T, right)
                tilt += right.sum(axis=0)[:, None]
                continue
            share = risk.share[rows, None]
            left = block * curvature[:, classes]
            right = left[:, first:] * share
            cross -= product(left.T, right)
            tilt -= product(right.T, curvature)
            tilt[np.arange(len(new)), fresh] += right.sum(axis=0)
            for k in np.unique(fresh):
                mine, hers = np.flatnonzero(classes == k), np.flatnonzero(fresh == k)
                cross[np.ix_(mine, hers)] += product(
                    np.ascontiguousarray(block[:, mine]).T, np.ascontiguousarray(right[:, hers])
                )
        return cross, tilt


def _row_blocks(design, features):
    """Yield (rows, (X − c)[rows, features]), the latter in float64."""
    n, width = design.shape[0], max(len(features), 1)
    if hasattr(design, "_block"):
        centre = design.centre[features]
        contiguous = design.X.flags.c_contiguous
        for rows in slices(n, width):
            part = design.X[rows]
            block = part.take(features, axis=1) if contiguous else part[:, features]
            yield rows, np.subtract(block, centre, dtype=np.float64)
        return
    columns = design._by_column[:, features].tocsr()
    for rows in slices(n, width):
        yield rows, columns[rows].toarray().astype(np.float64, copy=False)


def _pseudo_inverse(block):
    return np.linalg.pinv(block, hermitian=True)
