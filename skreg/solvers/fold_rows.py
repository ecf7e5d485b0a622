"""Sums over the rows that serve every training part of a cross-validation at once."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from skreg._kernels import line
from skreg._kernels import products as tiles
from skreg.quadratic.point import invert_bb, row_weights
from skreg.quadratic.risk import EmpiricalRisk
from skreg.rows.products import EPS, Array, Indices, together

# Chunks of rows, summed one by one and then in order, by any number of threads.
_CHUNKS = 8
# Numbers in a block of raw predictions: a few of them stay in the second cache.
_BLOCK = 2**14


class FoldRows:
    """All rows in blocks of X − c, with their ``weights`` (n, F) in each training part."""

    def __init__(self, risk: EmpiricalRisk, weights: Array):
        self.risk, self.weights = risk, weights
        self.shares = weights / weights.sum(axis=0)
        n = len(risk.y)
        self._chunks = list(pairwise(np.linspace(0, n, min(_CHUNKS, n) + 1).astype(int)))

    def gradient(self, theta: Array, folds: Indices) -> Array:
        """∂R/∂(θ, b) of C columns (C, size), each under its fold's shares of the rows.

        ``folds`` (C,) ascends. A column is K rows θₖ, bₖ.
        """
        risk, K, p = self.risk, self.risk.n_outputs, self.risk.n_features
        C = len(theta)
        flat = theta.reshape(C * K, -1)
        slopes = np.ascontiguousarray(flat[:, :p]).T
        b = flat[:, p] if risk.fit_intercept else 0.0

        def of_block(block: Array, rows: slice) -> tuple[Array]:
            raw = np.empty((len(block), C * K))
            tiles.multiply(block, slopes, raw)
            raw += b
            if risk.offset is not None:
                raw.reshape(len(raw), C, K)[:] += risk.offset[rows, None]
            residual = self._residuals(raw, rows, folds)
            out = np.empty((C * K, flat.shape[1]))
            tiles.multiply(residual.T, block, out[:, :p])
            if risk.fit_intercept:
                out[:, p] = residual.sum(axis=0)
            return (out,)

        return self._sum(of_block, C * K)[0].reshape(C, -1)

    def _residuals(self, raw: Array, rows: slice, folds: Indices) -> Array:
        """share·∂ℓ/∂f for raw predictions (n, C·K) of some rows, which it may overwrite."""
        loss, y, (n, width) = self.risk.loss, self.risk.y[rows], raw.shape
        shares = self.shares[rows]
        if self.risk.n_outputs == 1 and loss.is_compiled:
            starts = np.searchsorted(folds, np.arange(shares.shape[1] + 1))
            line.residuals(loss.name, loss.parameter, y[:, 0], raw, shares, starts)
            return raw
        y = np.repeat(y, len(folds), axis=0)
        residual = loss.derivatives(y, raw.reshape(len(y), -1))[1].reshape(n, len(folds), -1)
        residual *= shares[:, folds, None]
        return residual.reshape(n, width)

    def scales(self) -> Array:
        """√(Hⱼⱼ·R₀) of each fold's null model (F, size): what its gradient norm divides by."""
        risk, K, p, F = self.risk, self.risk.n_outputs, self.risk.n_features, self.shares.shape[1]
        bends, null_risks = self._null_models()
        own = bends.reshape(-1, F, K, K)[:, :, np.arange(K), np.arange(K)]
        squared = np.ascontiguousarray(own.reshape(-1, F * K))

        def moments(block: Array, rows: slice) -> tuple[Array, Array]:
            return (block * block).T @ squared[rows], block.T @ bends[rows]

        squares, sums = self._sum(moments, max(p, squared.shape[1], bends.shape[1]))
        diagonal = squares.T.reshape(F, K, p)
        bb = bends.sum(axis=0).reshape(F, K, K)
        if risk.fit_intercept:
            mixed = sums.T.reshape(F, K, K, p)
            inverse = np.array([invert_bb(b, risk.loss.coupled) for b in bb])
            diagonal = diagonal - np.einsum("fakp,fab,fbkp->fkp", mixed, inverse, mixed)
        # Centering a constant column leaves rounding.
        diagonal = np.maximum(diagonal, 1e-12 * squares.T.reshape(F, K, p))
        out = np.where(diagonal > 0, diagonal, 1.0)
        if risk.fit_intercept:
            bend_b = np.maximum(np.einsum("fkk->fk", bb), EPS)
            out = np.concatenate([out, bend_b[..., None]], axis=-1)
        return np.sqrt(out * null_risks[:, None, None]).reshape(F, -1)

    def _null_models(self) -> tuple[Array, Array]:
        """Weights of the rows in ±∂²R/∂θₖ∂θₗ, (n, F·K·K), and the risks R₀ of each fold."""
        risk, K = self.risk, self.risk.n_outputs
        bends, risks = [], []
        for weights in self.weights.T:
            null = EmpiricalRisk(
                *(risk.X[:, :1], risk.y, risk.loss, weights, risk.offset, risk.fit_intercept)
            )
            curvature = null.null.curvature
            for k in range(K):
                for l in range(K):
                    w = row_weights(null, curvature, k, l)
                    bends.append(np.zeros(len(weights)) if w is None else w if k == l else -w)
            risks.append(null.null_risk or 1.0)
        return np.ascontiguousarray(np.array(bends).T), np.array(risks)

    def _sum(self, of_block: Callable[..., tuple[Array, ...]], width: int) -> list[Array]:
        """Σ of_block(X − c, rows), blocks of ``width`` numbers a row."""
        height = max(_BLOCK // width, 32)

        def chunk(start: int, stop: int) -> tuple[Array, ...]:
            blocks = [slice(at, min(at + height, stop)) for at in range(start, stop, height)]
            total = of_block(self.risk.design.block(blocks[0]), blocks[0])
            for rows in blocks[1:]:
                more = of_block(self.risk.design.block(rows), rows)
                for sums, part in zip(total, more, strict=True):
                    sums += part
            return total

        totals = together(chunk, self._chunks)
        return [sum(parts[1:], start=parts[0]) for parts in zip(*totals, strict=True)]
