"""Hessians of a risk at a point, the intercepts at their best: on any set of coefficients."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from skreg.quadratic.curvature import floored, intercept_block, invert_bb
from skreg.rows.dense import slices
from skreg.rows.products import add_gram, product, symmetric

if TYPE_CHECKING:
    from skreg.quadratic.risk import LinearRisk

Array = NDArray[np.float64]
Indices = NDArray[np.intp]


class QuadraticHessian:
    """H of squared error: the same for every target, and none between targets.

    Parameters
    ----------
    n_features : int
        p.
    gram : callable
        ``gram(features)`` gives H on some features, (m, m).
    columns : callable, default=None
        ``columns(features)`` gives those columns of A, H = AᵀA; needed for p > n.
    n_rows : int, default=None
        Rows of A.
    n_outputs : int, default=1
        Targets.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.quadratic.hessian import QuadraticHessian
    >>> QuadraticHessian.from_array(np.diag([1.0, 2.0, 3.0])).block(np.array([0, 2]))
    array([[1., 0.],
           [0., 3.]])
    """

    def __init__(
        self,
        n_features: int,
        gram: Callable[[Indices], Array],
        columns: Callable[[Indices], Array] | None = None,
        n_rows: int | None = None,
        n_outputs: int = 1,
    ):
        self.n_features, self.n_outputs = n_features, n_outputs
        self._gram, self._columns = gram, columns
        self.n_rows = n_outputs * (n_features if n_rows is None else n_rows)

    @classmethod
    def from_array(cls, matrix: Array, n_outputs: int = 1) -> QuadraticHessian:
        """From H as an array of shape (p, p)."""

        def gram(features: Indices) -> Array:
            return matrix[np.ix_(features, features)]

        return cls(len(matrix), gram, n_outputs=n_outputs)

    @classmethod
    def from_rows(cls, rows, n_outputs: int = 1) -> QuadraticHessian:
        """From rows A with ``shape`` and ``columns(which)``: H is never formed as a whole."""

        def gram(features: Indices) -> Array:
            columns = rows.columns(features)
            return product(columns.T, columns)

        n, p = rows.shape
        return cls(p, gram, rows.columns, n, n_outputs)

    def block(self, which: Indices) -> Array:
        """H on the coefficients ``which``, numbered t·p + j for target t and feature j."""
        targets, features = np.divmod(which, self.n_features)
        if self.n_outputs == 1:
            return self._gram(features)
        used, place = np.unique(features, return_inverse=True)
        gram = self._gram(used)[np.ix_(place, place)]
        return np.where(targets[:, None] == targets, gram, 0.0)

    def root(self, which: Indices) -> Array:
        """Z[:, which] with H = ZᵀZ, shape (n_rows, m)."""
        if self._columns is None:
            raise ValueError("H is held as an array, without the rows that it was made from.")
        targets, features = np.divmod(which, self.n_features)
        columns = self._columns(features)
        if self.n_outputs == 1:
            return columns
        out = np.zeros((self.n_outputs, *columns.shape))
        out[targets, :, np.arange(len(which))] = columns.T
        return out.reshape(self.n_rows, -1)


class Hessian:
    """Second derivatives of min_b R(θ, b) at a point, by reference to the rows.

    Coefficients are numbered k·p + j for class k and feature j. For the multinomial log loss a
    row's Hessian is share·(diag(π) − ππᵀ), π the probabilities, else share·ℓ″ for each output.

    Parameters
    ----------
    risk : LinearRisk
    curvature : ndarray of shape (n, K)
        See `LinearRisk.derivatives_at`.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.losses import SquaredError
    >>> from skreg.quadratic.hessian import Hessian
    >>> from skreg.quadratic.risk import LinearRisk
    >>> risk = LinearRisk(np.array([[-1.0], [1.0]]), np.zeros((2, 1)), SquaredError())
    >>> Hessian(risk, np.full((2, 1), 0.5)).block(np.arange(1))
    array([[1.]])
    """

    def __init__(self, risk: LinearRisk, curvature: Array):
        self.risk, self.curvature = risk, floored(risk, curvature)
        n, k = self.curvature.shape
        self.n_rows = n * k
        self.inverse_bb = np.zeros((0, 0))
        if risk.fit_intercept:
            self.inverse_bb = invert_bb(intercept_block(risk, self.curvature), risk.loss.coupled)

    def block(self, which: Indices) -> Array:
        """H on the coefficients ``which``, an array of shape (m, m): n·m² flops."""
        risk, curvature = self.risk, self.curvature
        classes, features = np.divmod(which, risk.n_features)
        own = [np.flatnonzero(classes == k) for k in range(risk.n_outputs)]
        grams: list[Array | None] = [None] * risk.n_outputs
        shared, mixed = None, np.zeros((risk.n_outputs, len(which)))
        for rows in slices(*risk.X.shape):
            x = _columns_of(risk, rows, features)
            bends = curvature[rows]
            if risk.loss.coupled:
                share = risk.share[rows, None]
                weighted = np.sqrt(share) * bends[:, classes] * x
                shared = add_gram(weighted, shared)
                mixed -= product((np.sqrt(share) * bends).T, weighted)
                bends = share * bends
            for k, members in enumerate(own):
                part = x if len(members) == len(which) else x[:, members]
                grams[k] = add_gram(np.sqrt(bends[:, [k]]) * part, grams[k])
                mixed[k, members] += product(bends[:, [k]].T, part)[0]
        out = np.zeros((len(which),) * 2) if shared is None else -symmetric(shared)
        for members, gram in zip(own, grams, strict=True):
            if gram is not None and len(members):
                out[np.ix_(members, members)] += symmetric(gram)
        if risk.fit_intercept:
            out -= product(product(mixed.T, self.inverse_bb), mixed)
        return out

    def root(self, which: Indices) -> Array:
        """Z[:, which] with H = ZᵀZ, shape (n·K, m): a copy of the columns."""
        risk, k = self.risk, self.risk.n_outputs
        classes, features = np.divmod(which, risk.n_features)
        turned = np.swapaxes(self.row_roots(slice(None)), 1, 2).reshape(self.n_rows, k)
        out = np.repeat(risk.design.columns(features), k, axis=0) * turned[:, classes]
        if not risk.fit_intercept:
            return out
        return out - product(turned, product(self.inverse_bb, product(turned.T, out)))

    def row_roots(self, rows: slice | Indices) -> Array:
        """Bᵢ with BᵢBᵢᵀ the Hessian of a row's loss in its raw predictions, (m, K, K)."""
        risk, k = self.risk, self.risk.n_outputs
        root = np.sqrt(self.curvature[rows])
        if not risk.loss.coupled:
            return root[:, :, None] * np.eye(k)
        inner = np.eye(k) - root[:, :, None] * root[:, None, :]
        return np.sqrt(risk.share[rows])[:, None, None] * root[:, :, None] * inner


def _columns_of(risk: LinearRisk, rows: slice, features: Indices) -> Array:
    """(X − c)[rows, features] in float64."""
    block = risk.design.block(rows)
    if len(features) == block.shape[1] and (np.diff(features) == 1).all():
        return block
    return np.take(block, features, axis=1)
