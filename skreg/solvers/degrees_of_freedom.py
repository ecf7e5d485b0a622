"""Effective degrees of freedom of a penalized fit: one formula for every loss and penalty."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from skreg.penalties.base import Penalty, Tangent
from skreg.quadratic.factor import Factor
from skreg.quadratic.problem import Problem
from skreg.rows.products import product

EPS = np.finfo(np.float64).eps
#: Rows of the largest matrix that is decomposed for degrees of freedom.
LARGEST = 4000
# Numbers in a block of columns of Z that is held at once.
_BLOCK = 2**21


class BlockHessian(Protocol):
    """H = ZᵀZ of min_b R(θ, b) at a point: what degrees of freedom ask of it.

    Attributes
    ----------
    n_rows : int
        Rows of Z.
    """

    n_rows: int

    def block(self, which: NDArray[np.intp]) -> NDArray[np.float64]:
        """H on the coefficients ``which``, numbered k·p + j for class k and feature j."""

    def root(self, which: NDArray[np.intp]) -> NDArray[np.float64]:
        """Z[:, which]; only asked for where ``which`` is longer than ``n_rows``."""


def degrees_of_freedom(hessian: BlockHessian, tangent: Tangent) -> float:
    """tr H_AA(H_AA + λ∂²J)⁻¹ on the active set A, the intercepts profiled out and not counted.

    This is the trace of the derivatives of the fitted values by the targets, each in the metric of
    the loss's curvature: Σσ/(σ + λ) for the ridge, the rank of H_AA for the lasso (Zou, Hastie &
    Tibshirani, 2007; Tibshirani & Taylor, 2012), and what lies between for the elastic net and for
    groups (Vaiter et al., 2012). Directions in which neither the risk nor the penalty bends, as
    the one that all classes of a multinomial model share, do not count.

    Parameters
    ----------
    hessian : BlockHessian
        At the solution.
    tangent : Tangent
        ``penalty.curvature(theta, alpha)`` there.

    Returns
    -------
    float

    Notes
    -----
    m³ flops for m active coefficients or, where Z has n < m rows, n²·m.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.penalties.base import Tangent
    >>> from skreg.quadratic.hessian import QuadraticHessian
    >>> from skreg.solvers.degrees_of_freedom import degrees_of_freedom
    >>> H = QuadraticHessian.from_array(np.diag([3.0, 1.0, 2.0]))
    >>> active = np.array([True, True, False])
    >>> degrees_of_freedom(H, Tangent(active, np.ones(2)))
    1.25
    """
    which = np.flatnonzero(tangent.active)
    if not len(which) or not len(tangent.diagonal):
        return 0.0
    factors = tangent.factors
    if factors is None:
        factors = np.zeros((len(tangent.diagonal), 0))
    basis = tangent.basis
    if len(tangent.diagonal) > hessian.n_rows:
        return _by_rows(_Columns(hessian, which, basis), tangent.diagonal, factors)
    block = hessian.block(which)
    if basis is not None:
        block = product(basis.T, product(block, basis))
    return _by_coefficients(block, tangent.diagonal, factors)


def _by_coefficients(
    block: NDArray[np.float64], diagonal: NDArray[np.float64], factors: NDArray[np.float64]
) -> float:
    """m − tr D(H + D)⁻¹ with D = diag(diagonal) − factors·factorsᵀ."""
    if factors.size:
        block = block - product(factors, factors.T)
    half = Factor(block, diagonal, scaled=True).half_inverse()
    out = len(half) - diagonal @ np.einsum("ij,ij->j", half, half)
    return float(out + np.sum(product(half, factors) ** 2))


def _by_rows(
    columns: _Columns, diagonal: NDArray[np.float64], factors: NDArray[np.float64]
) -> float:
    """The same from the rows' side, for more coefficients than rows.

    With G = [Z; factorsᵀ], J = diag(I, −I) and A = G·diag(1/d)·Gᵀ the matrix Z(H + D)⁻¹Zᵀ is the
    rows' block of J − J(J + A)⁻¹J. Coefficients without a penalty are taken out of Z first.
    """
    free, bent = np.flatnonzero(diagonal == 0), np.flatnonzero(diagonal)
    n, rank = columns.n_rows, 0
    q = np.zeros((n, 0))
    if free.size:
        left, size, _ = np.linalg.svd(columns(free), full_matrices=False)
        rank = int(np.count_nonzero(size > max(n, free.size) * EPS * size.max(initial=0.0)))
        q = left[:, :rank]
    if not bent.size:
        return float(rank)
    factors, diagonal = factors[bent], diagonal[bent]
    size = n + factors.shape[1]
    inner = np.zeros((size, size))
    for start in range(0, len(bent), max(_BLOCK // size, 1)):
        some = slice(start, start + max(_BLOCK // size, 1))
        z = columns(bent[some])
        g = np.vstack([z - product(q, product(q.T, z)), factors[some].T])
        inner += product(g / diagonal[some], g.T)
    signs = np.repeat([1.0, -1.0], [n, size - n])
    inner[np.diag_indices_from(inner)] += signs
    inverse = np.linalg.pinv(inner, rcond=size * EPS, hermitian=True)
    return float(rank + n - np.trace(inverse[:n, :n]))


class _Columns:
    """Columns of Z in the coordinates of a tangent."""

    def __init__(
        self,
        hessian: BlockHessian,
        which: NDArray[np.intp],
        basis: NDArray[np.float64] | None,
    ):
        self.n_rows = hessian.n_rows
        self._hessian, self._which, self._basis = hessian, which, basis

    def __call__(self, some: NDArray[np.intp]) -> NDArray[np.float64]:
        if self._basis is None:
            return self._hessian.root(self._which[some])
        basis = self._basis[:, some]
        used = np.flatnonzero(basis.any(axis=1))
        return product(self._hessian.root(self._which[used]), np.asfortranarray(basis[used]))


class Freedom:
    """Degrees of freedom of the solutions on a path, counted when first asked for.

    Where they take no decomposition, as for the lasso, they are counted at once. A count that is
    still to be made refers to the problem and so to its rows, which must not be overwritten; it is
    made before pickling or copying, so that neither carries rows. Threads that ask at the same time
    may count twice, and count the same.

    Parameters
    ----------
    problem, penalty, alphas, thetas, intercepts
        As for `along_path`.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.penalties import ElasticNet
    >>> from skreg.quadratic import Quadratic
    >>> from skreg.solvers.degrees_of_freedom import Freedom
    >>> X, y = np.array([[-1.0], [1.0]]), np.array([-2.0, 2.0])
    >>> problem = Quadratic.from_rows(X, y, None, fit_intercept=True)
    >>> alphas, thetas = np.array([2.0, 1.0]), np.array([[[0.5]], [[1.0]]])
    >>> freedom = Freedom(problem, ElasticNet(0.5), alphas, thetas, np.zeros((2, 1)))
    >>> freedom.is_counted
    False
    >>> freedom.counts()
    array([0.5       , 0.66666667])
    """

    def __init__(
        self,
        problem: Problem,
        penalty: Penalty,
        alphas: NDArray[np.float64],
        thetas: NDArray[np.float64],
        intercepts: NDArray[np.float64],
    ):
        self._counts = _counts(problem, penalty, alphas, thetas)
        self._task: tuple[Any, ...] | None = None
        if np.isnan(self._counts).any():
            self._task = problem, penalty, alphas, thetas, intercepts

    @classmethod
    def known(cls, counts: NDArray[np.float64]) -> Freedom:
        """Degrees of freedom that a method knows already."""
        freedom = cls.__new__(cls)
        freedom._counts, freedom._task = counts, None
        return freedom

    @property
    def is_counted(self) -> bool:
        """Whether nothing is left to be counted."""
        return self._task is None

    def counts(self) -> NDArray[np.float64]:
        """Degrees of freedom for each λ, shape (n_alphas,)."""
        if (task := self._task) is not None:
            self._counts = along_path(*task)
            self._task = None
        return self._counts

    def at(self, i: int) -> float:
        """Those of the i-th λ, without counting the others."""
        if (task := self._task) is None or not np.isnan(self._counts[i]):
            return float(self._counts[i])
        problem, penalty, *path = task
        return float(along_path(problem, penalty, *(rows[i : i + 1] for rows in path))[0])

    def __getstate__(self) -> dict[str, Any]:
        return {"_counts": self.counts(), "_task": None}


def along_path(
    problem: Problem,
    penalty: Penalty,
    alphas: NDArray[np.float64],
    thetas: NDArray[np.float64],
    intercepts: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Degrees of freedom of each solution on a path, summed over targets.

    Parameters
    ----------
    problem : Problem
    penalty : Penalty
    alphas : ndarray of shape (n_alphas,)
    thetas : ndarray of shape (n_alphas, K, p)
    intercepts : ndarray of shape (n_alphas, K)

    Returns
    -------
    ndarray of shape (n_alphas,)
        NaN where the matrix to be decomposed would have more than `LARGEST` rows.
    """
    counts = _counts(problem, penalty, alphas, thetas)
    out, hessian = counts.copy(), None
    for i in np.flatnonzero(np.isnan(counts)):
        tangent = penalty.curvature(thetas[i], alphas[i])
        if hessian is None or not problem.is_quadratic:
            hessian = problem.hessian_at(thetas[i], intercepts[i])
        if min(len(tangent.diagonal), hessian.n_rows) <= LARGEST:
            out[i] = degrees_of_freedom(hessian, tangent)
    return out


def _counts(
    problem: Problem, penalty: Penalty, alphas: NDArray[np.float64], thetas: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Numbers of active coefficients where these are the degrees of freedom, else NaN.

    So it is where J bends nowhere and the active columns are independent, as they are at a solution
    that is unique, unless there may be more of them than the rows have rank. What all classes share
    in features without a penalty is in no Hessian.
    """
    shared = problem.couples_outputs
    if not penalty.is_flat or (shared and penalty.free(problem.n_features).any()):
        return np.full(len(alphas), np.nan)
    active = penalty.support(thetas).sum(axis=(1, 2)).astype(np.float64)
    rank = min(problem.n_rows - 1, problem.n_features) * problem.n_outputs
    return np.where((alphas > 0) & (active <= rank), active, np.nan)
