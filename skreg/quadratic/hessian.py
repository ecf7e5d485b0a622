"""Hessians of a risk at a point, the intercepts at their best: on any set of coefficients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from skreg._kernels import rows as row_kernels
from skreg.quadratic.class_grams import ClassGrams, add_columns
from skreg.quadratic.factor import DenseFactor, Factor, IterativeFactor
from skreg.quadratic.point import (
    floored,
    intercept_block,
    invert_bb,
    own_weights,
    row_roots,
    row_weights,
    rows_times,
)
from skreg.rows.products import Array, Indices, Mask, product, slices, symmetric

if TYPE_CHECKING:
    from skreg.quadratic.risk import EmpiricalRisk
    from skreg.rows import WeightedRows

# Multiplications of one class's part below which calls take longer.
_SMALL_GRAM = 1e6
# What centering leaves of a column's sum of squares, where it leaves nothing but rounding.
_CENTERED = 1e-12


class QuadraticHessian:
    """H of squared error: the same for every target, and none between targets.

    Parameters
    ----------
    gram : callable
        ``gram(features)`` gives H on some features, (m, m).
    n_features, n_outputs : int
        p, and the number of targets.
    rows : WeightedRows or None, default=None
        A with H = AᵀA; needed for p > n.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.quadratic import Quadratic
    >>> X = np.array([[-1.0, 0.0], [1.0, 0.0], [0.0, 2.0], [0.0, -2.0]])
    >>> quadratic = Quadratic.from_rows(X, X @ [3.0, 1.0], None, fit_intercept=True)
    >>> quadratic.hessian_at(np.zeros((1, 2)), np.zeros(1)).block(np.array([1]))
    array([[2.]])
    """

    cancels = False

    def __init__(
        self,
        gram: Callable[[Indices], Array],
        n_features: int,
        n_outputs: int = 1,
        rows: WeightedRows | None = None,
    ):
        self._gram, self._rows = gram, rows
        self.n_features, self.n_outputs = n_features, n_outputs
        self.n_rows = n_outputs * (n_features if rows is None else rows.shape[0])

    def block(self, which: Indices) -> Array:
        """H on the coefficients ``which``, numbered t·p + j for target t and feature j."""
        targets, features = np.divmod(which, self.n_features)
        if self.n_outputs == 1:
            return self._gram(features)
        used, place = np.unique(features, return_inverse=True)
        gram = self._gram(used)[np.ix_(place, place)]
        return np.where(targets[:, None] == targets, gram, 0.0)

    def is_sum_of_others(self, which: Indices) -> Mask:
        """As of `Hessian`: none is."""
        return np.zeros(len(which), dtype=bool)

    def root(self, which: Indices) -> Array:
        """Z[:, which] with H = ZᵀZ, shape (n_rows, m)."""
        assert self._rows is not None  # of an H that is held no set is longer than `n_rows`
        targets, features = np.divmod(which, self.n_features)
        columns = self._rows.columns(features)
        if self.n_outputs == 1:
            return columns
        out = np.zeros((self.n_outputs, *columns.shape))
        out[targets, :, np.arange(len(which))] = columns.T
        return out.reshape(self.n_rows, -1)


class Hessian:
    """Second derivatives of min_b R(θ, b) at a point, by reference to the rows.

    A linear operator on θ about the design's center: K·p coefficients, numbered k·p + j for class
    k and feature j. `DenseHessian` is the same as an array.

    Parameters
    ----------
    risk : EmpiricalRisk
    curvature : ndarray of shape (n, K)
        See `skreg.quadratic.point`.
    with_floor : bool, default=True
        Whether a loss that is linear somewhere gets some curvature there.

    Attributes
    ----------
    inverse_bb : ndarray of shape (K, K), or (0, 0) without an intercept
        Pseudo-inverse of ∂²R/∂b².
    n_rows : int
        Rows of `root`.
    cancels : bool
        Whether H is a difference of sums, so that near separation it is lost in their rounding.
        `root` is not.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.losses import SquaredError
    >>> from skreg.quadratic.hessian import Hessian
    >>> from skreg.quadratic.risk import EmpiricalRisk
    >>> risk = EmpiricalRisk(np.array([[-1.0], [1.0]]), np.zeros((2, 1)), SquaredError())
    >>> hessian = Hessian(risk, np.full((2, 1), 0.5))
    >>> hessian.times(np.array([[2.0]])), hessian.block(np.arange(1))
    (array([[2.]]), array([[1.]]))
    """

    def __init__(self, risk: EmpiricalRisk, curvature: Array, *, with_floor: bool = True):
        self.risk, self.curvature = risk, floored(risk, curvature) if with_floor else curvature
        n, k = self.curvature.shape
        self.n_rows, self.cancels = n * k, risk.loss.coupled
        # K and p where the loss couples classes.
        self._coupled = (k, risk.n_features) if risk.loss.coupled else None
        self.inverse_bb = np.zeros((0, 0))
        if risk.fit_intercept:
            self.inverse_bb = invert_bb(intercept_block(risk, self.curvature), risk.loss.coupled)

    @cached_property
    def diagonal(self) -> Array:
        """About the diagonal, shape (K·p,): classes are centered each by itself."""
        risk, p = self.risk, self.risk.n_features
        out = []
        for weights in np.ascontiguousarray(own_weights(risk, self.curvature).T):
            squares = risk.design.squares(weights)
            if risk.fit_intercept:
                sums = risk.design.transposed_dot(weights[:, None])[:, 0]
                centered = squares - sums**2 / max(weights.sum(), np.finfo(np.float64).tiny)
                squares = np.maximum(centered, _CENTERED * squares)
            out.append(squares)
        return np.concatenate(out).reshape(risk.n_outputs * p)

    def factor(self, ridge: Array) -> Factor | IterativeFactor:
        """H + diag(ridge) ready to be solved with; ridge ≥ 0 of shape (K·p,)."""
        return IterativeFactor(self, ridge)

    def times(self, v: Array) -> Array:
        """Hv for v of shape (K·p, m): two passes over X."""
        risk, m = self.risk, v.shape[1]
        change = self.raw(v)
        change += self.eliminate(change)
        weighted = np.ascontiguousarray(self.rows_times(change).reshape(len(change), -1))
        back = risk.design.transposed_dot(weighted).reshape(-1, risk.n_outputs, m)
        return back.transpose(1, 0, 2).reshape(len(v), m)

    def raw(self, v: Array) -> Array:
        """Changes of raw predictions (n, K, m) by v of shape (K·p, m)."""
        K, p, m = self.risk.n_outputs, self.risk.n_features, v.shape[1]
        flat = np.ascontiguousarray(v.reshape(K, p, m).transpose(1, 0, 2).reshape(p, K * m))
        return self.risk.design.dot(flat).reshape(-1, K, m)

    def rows_times(self, change: Array) -> Array:
        """Second derivatives of the rows' losses times a change of raw predictions (n, K, …)."""
        return rows_times(self.risk, self.curvature, change)

    def eliminate(self, change: Array) -> Array:
        """The change of b that is best beside this change of raw predictions, (K, m)."""
        if not self.risk.fit_intercept:
            return np.zeros(change.shape[1:])
        return -self.inverse_bb @ self.rows_times(change).sum(axis=0)

    def block(self, which: Indices) -> Array:
        """H on the coefficients ``which``, an array of shape (m, m): n·m² flops."""
        out, mixed = self.at_fixed_intercepts(which)
        if self.risk.fit_intercept:
            out -= product(product(mixed.T, self.inverse_bb), mixed)
        return out

    def is_sum_of_others(self, which: Indices) -> Mask:
        """Mask of coefficients whose column of H is minus the sum of others' among ``which``.

        They are of the multinomial log loss, which does not change along what all classes of a
        feature share: of each that has all of them here, the one of the last class.
        """
        if self._coupled is None:
            return np.zeros(len(which), dtype=bool)
        K, p = self._coupled
        classes, features = np.divmod(which, p)
        return (classes == K - 1) & (np.bincount(features, minlength=p)[features] == K)

    def at_fixed_intercepts(self, which: Indices, first: int = 0) -> tuple[Array, Array]:
        """∂²R/∂θ² and ∂²R/∂b∂θ on the coefficients ``which``, of shape (m, m) and (K, m).

        Without the first columns of both where these are known: n·m·(m − first) flops.
        """
        risk, curvature = self.risk, self.curvature
        if risk.n_outputs == 1:
            return self._of_one_output(which, first)
        classes, features = np.divmod(which, risk.n_features)
        is_used = np.zeros(risk.n_features, dtype=bool)
        is_used[features] = True
        used, places = is_used.nonzero()[0], is_used.cumsum()[features] - 1
        shared, mixed = None, np.zeros((risk.n_outputs, len(which)))
        own = ClassGrams(classes, places, risk.n_outputs, first)
        scale = np.sqrt(risk.share) if risk.loss.coupled else np.ones(len(risk.share))
        for rows, x in self._blocks(used, len(which)):
            root, bends = scale[rows], np.ascontiguousarray(curvature[rows])
            taken = np.empty((len(x), len(which)))
            row_kernels.spread(x, places, bends, classes, root, taken)
            x_sums = product(root[None], taken)[0]
            if risk.loss.coupled:
                shared = add_columns(taken, first, shared)
                mixed -= product((root[:, None] * bends).T, taken)
                bends = (root**2)[:, None] * bends
            mixed[classes, np.arange(len(which))] += x_sums
            own.add(x, bends)
        complete = np.asarray if first else symmetric
        out = np.zeros((len(which), len(which) - first)) if shared is None else -complete(shared)
        own.add_to(out)
        return out, mixed[:, first:]

    def _blocks(self, used: Indices, width: int) -> Iterator[tuple[slice, Array]]:
        """Rows of the columns ``used``, so few that a block of this width fits the cache, too."""
        for rows, x in self.risk.design.row_blocks(used):
            for some in slices(len(x), width):
                at = slice(rows.start + some.start, rows.start + some.stop)
                yield at, np.ascontiguousarray(x[some])

    def _of_one_output(self, which: Indices, first: int) -> tuple[Array, Array]:
        design = self.risk.design
        if not first and np.array_equal(which, np.arange(design.shape[1])):
            every, sums = design.gram(self.curvature[:, 0])
            return every, sums[None]
        mixed: Array = np.zeros((1, len(which) - first))
        gram = None
        for rows, x in self.risk.design.row_blocks(which):
            bends = self.curvature[rows]
            gram = add_columns(np.sqrt(bends) * x, first, gram)
            mixed += product(bends.T, x[:, first:])
        if gram is None:
            return np.zeros((len(which), len(which) - first)), mixed
        return gram if first else symmetric(gram), mixed

    def root(self, which: Indices) -> Array:
        """Z[:, which] with H = ZᵀZ, shape (n·K, m): a copy of the columns."""
        risk, k = self.risk, self.risk.n_outputs
        classes, features = np.divmod(which, risk.n_features)
        turned = np.swapaxes(row_roots(risk, self.curvature, slice(None)), 1, 2).reshape(
            self.n_rows, k
        )
        out = np.repeat(risk.design.columns(features), k, axis=0) * turned[:, classes]
        if not risk.fit_intercept:
            return out
        return out - product(turned, product(self.inverse_bb, product(turned.T, out)))


class DenseHessian(Hessian):
    """The Hessian as an array, formed once and factored for each λ.

    For the multinomial log loss R does not change when the same vector is added to every class,
    and ``gauge`` is what `factor` adds to H along those directions, to which every gradient is
    orthogonal.

    Attributes
    ----------
    matrix : ndarray of shape (K·p, K·p)
    mixed : ndarray of shape (K, K·p), or (0, K·p) without an intercept
        ∂²R/∂b∂θ.
    gauge : ndarray of shape (p,) or None
    """

    def __init__(self, risk: EmpiricalRisk, curvature: Array):
        super().__init__(risk, curvature)
        p, K = risk.n_features, risk.n_outputs
        if K == 1 or (risk.loss.coupled and len(curvature) * p * p < _SMALL_GRAM):
            # One product for all pairs of classes: calls would take longer than sums.
            self.matrix, mixed = self.at_fixed_intercepts(np.arange(K * p))
        else:
            self.matrix, mixed = self._by_pairs(curvature)
        self._profile(mixed, risk.loss.coupled)

    @classmethod
    def of_sums(cls, matrix: Array, mixed: Array, bb: Array | None, coupled: bool) -> DenseHessian:
        """Of ∂²R/∂θ² (K·p, K·p), ∂²R/∂b∂θ (K, K·p) and ∂²R/∂b² (K, K), None without an intercept.

        There is no risk to refer to: what needs rows is not there.
        """
        made = cls.__new__(cls)
        made.matrix, made.n_rows, made.cancels = matrix.copy(), len(matrix), False
        made.inverse_bb = np.zeros((0, 0)) if bb is None else invert_bb(bb, coupled)
        made._profile(mixed, coupled)
        return made

    def _profile(self, mixed: Array, coupled: bool) -> None:
        """Take the intercepts out, and set what follows from that."""
        self.mixed = mixed[: len(self.inverse_bb)]
        squares = self.matrix.diagonal().copy()
        if len(self.inverse_bb):
            part = product(self.inverse_bb, self.mixed)
            self.matrix -= product(np.ascontiguousarray(self.mixed.T), part)
        self.diagonal = np.maximum(self.matrix.diagonal(), _CENTERED * squares)
        self.gauge = self._coupled = None
        if coupled:
            by_class = self.diagonal.reshape(len(mixed), -1)
            sums, self._coupled = by_class.sum(axis=0), by_class.shape
            self.gauge = np.where(sums > 0, sums, 1.0)

    def _by_pairs(self, curvature: Array) -> tuple[Array, Array]:
        """∂²R/∂θ² and ∂²R/∂b∂θ, of shape (K·p, K·p) and (K, K·p)."""
        risk, p, K = self.risk, self.risk.n_features, self.risk.n_outputs
        H, mixed = np.zeros((K, p, K, p)), np.zeros((K, K, p))
        for k in range(K):
            for l in range(k, K):
                weights = row_weights(risk, curvature, k, l)
                if weights is None:
                    continue
                sign = 1.0 if k == l else -1.0
                gram, sums = risk.design.gram(weights)
                H[k, :, l] = H[l, :, k] = sign * gram
                mixed[k, l] = mixed[l, k] = sign * sums
        return H.reshape(K * p, K * p), mixed.reshape(K, K * p)

    def factor(self, ridge: Array) -> DenseFactor:
        return DenseFactor(self.matrix, ridge, self.gauge, self.mixed, self.inverse_bb)

    def times(self, v: Array) -> Array:
        """Hv for v of shape (K·p, m)."""
        return product(self.matrix, v)

    def block(self, which: Indices) -> Array:
        """H on the coefficients ``which``, an array of shape (m, m)."""
        return self.matrix[np.ix_(which, which)]

    def expanded(self, theta: Array, b: Array, slope: Array, total: Array) -> tuple[Array, Array]:
        """h and the best b beside θ = 0 of the quadratic ½θᵀHθ − hᵀθ about a point (θ, b).

        ``slope`` (K·p,) and ``total`` (K,) are the derivatives of R there by θ and by b.
        """
        at_zero = np.zeros(len(b))
        if len(self.inverse_bb):
            slope = slope - total @ self.inverse_bb @ self.mixed
            at_zero = b - self.inverse_bb @ (total - self.mixed @ theta)
        return self.matrix @ theta - slope, at_zero

    def half_inverse(self, ridge: Array, active: Mask | None = None) -> Array:
        """L with LᵀL = (H + diag(ridge))⁻¹ over the active coefficients, 0 over the others."""
        if not len(ridge):
            return np.zeros((0, 0))
        if active is None or active.all():
            return self.factor(ridge).half_inverse()
        on = np.flatnonzero(active)
        half = Factor(self.block(on), ridge[on]).half_inverse()
        out = np.zeros((len(half), len(ridge)))
        out[:, on] = half
        return out
