"""Many ridge problems that differ little: every λ on every training part of a cross-validation.

A training part shares most of its rows with the others, so its solution lies near that of all rows,
which a path has found. All of them, a column for each λ and fold, are then improved together: the
raw predictions of all columns are one product X·Θ, their gradients one product XᵀR, and nothing of
the size of X times the columns is stored, as rows are taken in blocks.

A column's step is Newton's with its fold's Hessian, taken at a few λ at the solution for all rows
and interpolated in log λ, corrected by limited-memory BFGS for what that misses (as in
`skreg.solvers.descent`). Where the folds partition the rows, one Gram matrix gives the Hessians of
all folds: that of all rows minus that of the fold's own.
"""

from dataclasses import dataclass
from itertools import pairwise
from threading import Lock

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotrs

from skreg._kernels import line
from skreg._kernels import products as tiles
from skreg._threads import one_blas_thread
from skreg.quadratic.risk import LinearRisk
from skreg.quadratic.row_curvature import invert_bb, row_weights
from skreg.rows.dense import slices
from skreg.rows.products import together

EPS = np.finfo(np.float64).eps
# Hessians are taken at λ no further apart than this, as a ratio.
_APART = 10.0
# A column that is not solved after so many passes needs a method with a line search.
_PASSES = 12
# So is one whose gradient has grown by this.
_GROWN = 10.0
# Chunks of rows, summed one by one and then in order, by any number of threads.
_CHUNKS = 8
# Numbers in a block of raw predictions: a few of them stay in the second cache.
_BLOCK = 2**14
# Weights of a row in two folds that count as one: Hessians only guide the steps.
_SIMILAR = 0.9
# Numbers in the factors of Hessians that are held at once.
_FACTORS = 2**25


@dataclass(frozen=True, eq=False)
class FoldSolutions:
    """θ and b for every fold and λ.

    Attributes
    ----------
    coefs : ndarray of shape (F, m, K, p)
    intercepts : ndarray of shape (F, m, K)
    gradient_norms : ndarray of shape (F, m)
        As `skreg.solvers.newton.solve_newton` measures them, on the fold's training rows.
    n_passes : int
        Passes over all rows.
    """

    coefs: np.ndarray
    intercepts: np.ndarray
    gradient_norms: np.ndarray
    n_passes: int

    def without_last(self):
        """Without the last fold."""
        parts = (self.coefs, self.intercepts, self.gradient_norms)
        return FoldSolutions(*(part[:-1] for part in parts), self.n_passes)


def solve_folds(risk, weights, alphas, path, factors=None, *, tol=1e-8):
    """argmin R_f(θ, b) + λ·½Σⱼfⱼθⱼ² for each λ and each fold f, from the solutions on all rows.

    Parameters
    ----------
    risk : LinearRisk
        Of all rows, X an array.
    weights : ndarray of shape (n, F)
        Of the rows in each fold's training part, 0 for rows that are not in it.
    alphas : ndarray of shape (m,)
        λ > 0.
    path : (ndarray of shape (m, K, p), ndarray of shape (m, K))
        θ and b on all rows.
    factors : ndarray of shape (p,), default=None
        f ≥ 0; None stands for ones.
    tol : float, default=1e-8
        Gradient norm at which a column counts as solved.

    Returns
    -------
    FoldSolutions
        A gradient norm above ``tol`` says that this column needs another method, which happens
        where a training part is unlike the whole: Newton steps are taken without a line search.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg.losses import Poisson
    >>> from skreg.quadratic.risk import LinearRisk
    >>> from skreg.solvers.fold_newton import solve_folds
    >>> from skreg.solvers.newton import solve_newton
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((60, 2))
    >>> y = rng.poisson(np.exp(X @ [0.5, 0.2])).astype(float)[:, None]
    >>> risk, alphas = LinearRisk(X, y, Poisson()), np.array([1.0, 0.1])
    >>> whole = solve_newton(risk, alphas)
    >>> weights = 1.0 - np.repeat(np.eye(3), 20, axis=0)
    >>> start = whole.coefs[:, None], whole.intercepts[:, None]
    >>> found = solve_folds(risk, weights, alphas, start)
    >>> without_first = LinearRisk(X[20:], y[20:], Poisson())
    >>> alone = solve_newton(without_first, alphas)
    >>> np.abs(found.coefs[0, :, 0] - alone.coefs).max() < 1e-7
    np.True_
    """
    with one_blas_thread():
        return _solve(risk, weights, np.asarray(alphas, dtype=np.float64), path, factors, tol)


def _solve(risk, weights, alphas, path, factors, tol):
    factors = np.ones(risk.n_features) if factors is None else np.asarray(factors, dtype=float)
    folds = _Folds(risk, weights, factors, alphas, path)
    columns = np.arange(folds.n_folds * len(alphas))
    width = max(1, _FACTORS // folds.size**2 // folds.n_folds)
    order = np.argsort(-alphas, kind="stable")
    n_passes = 0
    for first in range(0, len(order), width):
        some = np.isin(columns % len(alphas), order[first : first + width])
        n_passes += folds.descend(columns[some], tol)
    shape = folds.n_folds, len(alphas), risk.n_outputs
    theta = folds.theta.reshape(*shape, -1)
    coefs = theta[..., : risk.n_features].copy()
    intercepts = np.zeros(shape)
    if risk.fit_intercept:
        intercepts = theta[..., -1] - coefs @ risk.design.centre
    return FoldSolutions(coefs, intercepts, folds.norms.reshape(shape[:2]), n_passes)


class _Folds:
    """The columns (fold f, place i of λ): number f·m + i. A column is K rows θₖ, bₖ."""

    def __init__(self, risk, weights, factors, alphas, path):
        self.risk, self.alphas = risk, alphas
        self.n_folds, self.n_alphas = weights.shape[1], len(alphas)
        self.rows = _Rows(risk)
        K, p = risk.n_outputs, risk.n_features
        self.size = K * (p + risk.fit_intercept)
        coefs, intercepts = (np.asarray(part, dtype=np.float64) for part in path)
        start = coefs
        if risk.fit_intercept:
            b = intercepts + coefs @ risk.design.centre
            start = np.concatenate([coefs, b[..., None]], axis=-1)
        self.start = start
        self.theta = np.tile(start[None], (self.n_folds, 1, 1, 1)).reshape(-1, self.size)
        self.norms = np.full(len(self.theta), np.inf)
        ridge = np.concatenate([factors, np.zeros(int(risk.fit_intercept))])
        self.ridge = np.tile(ridge, K)
        self.shares = weights / weights.sum(axis=0)
        self.weights = weights
        self.scales = _scales(risk, self.rows, weights, self.shares)

    def descend(self, columns, tol):
        """Improve these columns until each is solved or given up; returns the passes taken."""
        factored = self._factors(columns)
        columns = columns[[column in factored for column in columns]]
        pairs, old, first = [], None, None
        n_passes = 0
        while len(columns) and n_passes < _PASSES:
            n_passes += 1
            gradient = self._gradient(columns)
            norms = np.abs(gradient / self.scales[columns // self.n_alphas]).max(axis=1)
            self.norms[columns] = np.where(np.isfinite(norms), norms, np.inf)
            first = norms if first is None else first
            going_on = (norms > tol) & (norms <= _GROWN * first)
            columns, gradient, first = columns[going_on], gradient[going_on], first[going_on]
            pairs = [(s[going_on], y[going_on]) for s, y in pairs]
            if old is not None:
                s, before = (part[going_on] for part in old)
                pairs.append((s, gradient - before))
            if len(columns) and n_passes < _PASSES:
                step = self._step(columns, gradient, pairs, factored)
                self.theta[columns] += step
                old = step, gradient
        return n_passes

    def _gradient(self, columns):
        """Of the objective, shape (C, size)."""
        gradient = self.rows.gradient(self.theta[columns], self.shares, columns // self.n_alphas)
        alphas = self.alphas[columns % self.n_alphas, None]
        return gradient + alphas * self.ridge * self.theta[columns]

    def _step(self, columns, gradient, pairs, factored):
        """−(BFGS correction of H + λF)⁻¹·gradient for every column, by the two-loop recursion."""
        step, used = -gradient, []
        for s, y in reversed(pairs):
            product = np.einsum("ij,ij->i", s, y)
            # Not positive by rounding only: then without this pair.
            inverse = np.divide(1.0, product, out=np.zeros_like(product), where=product > 0)
            a = inverse * np.einsum("ij,ij->i", s, step)
            step -= a[:, None] * y
            used.append((s, y, inverse, a))
        for row, column in enumerate(columns):
            step[row] = dpotrs(factored[column], step[row], lower=1)[0]
        for s, y, inverse, a in reversed(used):
            step += (a - inverse * np.einsum("ij,ij->i", y, step))[:, None] * s
        if self.risk.loss.coupled:
            # What is common to all classes is 0 at the minimum, and no risk pulls it back there.
            by_class = step.reshape(len(step), self.risk.n_outputs, -1)
            by_class -= by_class.mean(axis=1, keepdims=True)
        return step

    def _factors(self, columns):
        """Cholesky factors by column, of those that have one."""
        places = np.unique(columns % self.n_alphas)
        places = places[np.argsort(self.alphas[places], kind="stable")]
        anchors = spread(self.alphas[places])
        hessians = self._hessians(places[anchors])
        logs = np.log(self.alphas[places])
        found = {}
        for i, place in enumerate(places):
            above = min(np.searchsorted(anchors, i), len(anchors) - 1)
            below = max(above - 1, 0)
            width = logs[anchors[above]] - logs[anchors[below]]
            share = (logs[i] - logs[anchors[below]]) / width if width else 1.0
            for f in range(self.n_folds):
                matrix = (1.0 - share) * hessians[below][f] + share * hessians[above][f]
                matrix[np.diag_indices_from(matrix)] += self.alphas[place] * self.ridge
                lower, info = dpotrf(matrix, lower=1, overwrite_a=1)
                if info == 0:
                    found[f * self.n_alphas + place] = lower
        return found

    def _hessians(self, places):
        """∂²R_f at the solutions on all rows: for each place of λ, for each fold."""
        owner, most = _partition(self.weights), self.weights.max(axis=1)
        if owner is None:
            parts = [(np.flatnonzero(column), column) for column in self.weights.T]
        else:
            owners = range(self.n_folds + 1)
            parts = [(np.flatnonzero((owner == f) & (most > 0)), most) for f in owners]
        sums = np.zeros((len(places), len(parts), self.size, self.size))
        lock = Lock()

        def add(part, rows, weights):
            total = np.zeros((len(places), self.size, self.size))
            for block in slices(len(rows), self.size):
                some = _Part(self.risk, rows[block], weights[rows[block]])
                for i, place in enumerate(places):
                    total[i] += some.hessian(self.start[place])
            with lock:  # a sum of two does not depend on their order
                sums[:, part] += total

        together(
            add,
            [
                (part, half, weights)
                for part, (rows, weights) in enumerate(parts)
                for half in np.array_split(rows, 2)
            ],
        )
        if owner is not None:
            sums = sums.sum(axis=1, keepdims=True) - sums[:, : self.n_folds]
        sums /= self.weights.sum(axis=0)[:, None, None]
        if self.risk.loss.coupled:
            _fix_gauge(sums, self.risk.n_outputs)
        return sums


class _Rows:
    """All rows, in blocks of X − c."""

    def __init__(self, risk):
        self.risk = risk
        n = len(risk.y)
        ends = np.linspace(0, n, min(_CHUNKS, n) + 1).astype(int)
        self.chunks = list(pairwise(ends))

    def sum(self, of_block, width):
        """Σ of_block(X − c, rows), blocks of ``width`` numbers a row."""
        height = max(_BLOCK // width, 32)

        def chunk(start, stop):
            total = None
            for first in range(start, stop, height):
                rows = slice(first, min(first + height, stop))
                part = of_block(self._block(rows), rows)
                if total is None:
                    total = part
                else:
                    for sums, more in zip(total, part, strict=True):
                        sums += more
            return total

        totals = together(chunk, self.chunks)
        return [sum(parts[1:], start=parts[0]) for parts in zip(*totals, strict=True)]

    def _block(self, rows):
        design = self.risk.design
        if design.is_centred or self.risk.X.dtype != np.float64:
            return np.subtract(self.risk.X[rows], design.centre, dtype=np.float64)
        return self.risk.X[rows]

    def gradient(self, theta, shares, folds):
        """∂R/∂(θ, b) of C columns (C, size), each under its fold's shares of the rows (n, F).

        ``folds`` (C,) ascends.
        """
        risk, K, p = self.risk, self.risk.n_outputs, self.risk.n_features
        C = len(theta)
        flat = theta.reshape(C * K, -1)
        slopes = np.ascontiguousarray(flat[:, :p]).T
        b = flat[:, p] if risk.fit_intercept else 0.0

        def of_block(block, rows):
            n = len(block)
            raw = np.empty((n, C * K))
            tiles.multiply(block, slopes, raw)
            raw += b
            if risk.offset is not None:
                raw += risk.offset[rows, None]
            residual = self._residuals(raw, rows, shares, folds)
            out = np.empty((C * K, flat.shape[1]))
            tiles.multiply(residual.T, block, out[:, :p])
            if risk.fit_intercept:
                out[:, p] = residual.sum(axis=0)
            return (out,)

        return self.sum(of_block, C * K)[0].reshape(C, -1)

    def _residuals(self, raw, rows, shares, folds):
        """share·∂ℓ/∂f for raw predictions (n, C·K) of some rows, which it may overwrite."""
        loss, y, (n, width) = self.risk.loss, self.risk.y[rows], raw.shape
        if self.risk.n_outputs == 1 and loss.is_compiled:
            starts = np.searchsorted(folds, np.arange(shares.shape[1] + 1))
            line.residuals(loss.name, loss.parameter, y[:, 0], raw, shares[rows], starts)
            return raw
        C = len(folds)
        y = np.repeat(y, C, axis=0)
        residual = loss.derivatives(y, raw.reshape(n * C, -1))[1].reshape(n, C, -1)
        residual *= shares[rows][:, folds, None]
        return residual.reshape(n, width)

    def moments(self, squared, plain):
        """(X − c)²ᵀ·squared and (X − c)ᵀ·plain, of weights with a row for each row of X."""

        def of_block(block, rows):
            return (block * block).T @ squared[rows], block.T @ plain[rows]

        return self.sum(of_block, max(self.risk.n_features, squared.shape[1], plain.shape[1]))


class _Part:
    """Some of the rows, with a column of ones for the intercept."""

    def __init__(self, risk, rows, weights):
        X = np.empty((len(rows), risk.n_features + risk.fit_intercept))
        X[:, risk.n_features :] = 1.0
        np.subtract(risk.X[rows], risk.design.centre, out=X[:, : risk.n_features])
        offset = None if risk.offset is None else risk.offset[rows]
        self.risk = LinearRisk(X, risk.y[rows], risk.loss, weights, offset, fit_intercept=False)

    def hessian(self, theta):
        """Σᵢ wᵢ ∂²ℓᵢ at θ, b (K, p + 1): an array of shape (size, size)."""
        K, q = theta.shape
        raw = self.risk.X @ theta.T
        if self.risk.offset is not None:
            raw += self.risk.offset[:, None]
        curvature = self.risk.derivatives_at(np.ascontiguousarray(raw))[2]
        H = np.zeros((K, q, K, q))
        for k in range(K):
            for l in range(k, K):
                weights = row_weights(self.risk, curvature, k, l)
                if weights is not None:
                    gram, _ = self.risk.design.gram(self.risk.weight * weights)
                    H[k, :, l] = H[l, :, k] = gram if k == l else -gram
        return H.reshape(K * q, K * q)


def _partition(weights):
    """The fold whose training part lacks a row, F for none; None where that says too little.

    It says enough if no row is missing twice and its weight is much the same wherever it counts.
    """
    most = weights.max(axis=1)
    missing = (weights == 0) & (most > 0)[:, None]
    similar = (weights >= _SIMILAR * most[:, None]) | missing
    if not similar.all() or (missing.sum(axis=1) > 1).any():
        return None
    return np.where(missing.any(axis=1), missing.argmax(axis=1), weights.shape[1])


def spread(alphas):
    """Places of ascending λ, the first and the last among them, that are about a decade apart.

    No λ is further than that from the place below it.
    """
    places = [0]
    for i in range(1, len(alphas)):
        if i + 1 == len(alphas) or alphas[i + 1] > _APART * alphas[places[-1]]:
            places.append(i)
    return np.array(places)


def _fix_gauge(hessians, K):
    """Make them definite along what is common to all classes, to which gradients are orthogonal."""
    q = hessians.shape[-1] // K
    diagonal = np.einsum("...ii->...i", hessians).reshape(*hessians.shape[:-2], K, q).sum(axis=-2)
    at = np.arange(q)
    for k in range(K):
        for l in range(K):
            hessians[..., k * q + at, l * q + at] += np.maximum(diagonal, EPS) / K


def _scales(risk, rows, weights, shares):
    """What the gradient norm divides by, for each fold: √(Hⱼⱼ·R₀) of the null model (F, size)."""
    K, p, n_folds = risk.n_outputs, risk.n_features, weights.shape[1]
    bends, risks = [], []
    for f in range(n_folds):
        null = LinearRisk(
            *(risk.X[:, :1], risk.y, risk.loss, weights[:, f], risk.offset, risk.fit_intercept)
        )
        curvature = null.derivatives_at(null.constant_raw(null.null_intercept()))[2]
        for k in range(K):
            for l in range(K):
                w = row_weights(null, curvature, k, l)
                bends.append(np.zeros(len(shares)) if w is None else w if k == l else -w)
        risks.append(max(null.null_risk, np.finfo(np.float64).tiny))
    plain = np.ascontiguousarray(np.array(bends).T)
    own = plain.reshape(-1, n_folds, K, K)[:, :, np.arange(K), np.arange(K)]
    squares, sums = rows.moments(np.ascontiguousarray(own.reshape(-1, n_folds * K)), plain)
    diagonal = squares.T.reshape(n_folds, K, p)
    bb = plain.sum(axis=0).reshape(n_folds, K, K)
    if risk.fit_intercept:
        mixed = sums.T.reshape(n_folds, K, K, p)
        inverse = np.array([invert_bb(b, risk.loss.coupled) for b in bb])
        diagonal = diagonal - np.einsum("fakp,fab,fbkp->fkp", mixed, inverse, mixed)
    diagonal = np.maximum(diagonal, 0.0)
    least = EPS**2 * diagonal.max(axis=(1, 2), keepdims=True)
    out = np.where(diagonal > least, diagonal, 1.0)
    if risk.fit_intercept:
        bend_b = np.maximum(np.einsum("fkk->fk", bb), EPS)
        out = np.concatenate([out, bend_b[..., None]], axis=-1)
    return np.sqrt(out * np.array(risks)[:, None, None]).reshape(n_folds, -1)
