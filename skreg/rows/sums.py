"""Sums of rows and of their products, about an origin near them: what moments are made of."""

from __future__ import annotations

from typing import Any

import numpy as np

from skreg._kernels import rows as row_kernels
from skreg._validation import as_floats, check_weights, lies_between
from skreg.rows.products import Array, Indices, add_gram


def part_weights(weights: Any, X: Any) -> Array | None:
    """Weights of some of the rows, on one scale with those of others; they may all be 0."""
    if weights is None or not X.shape[0]:
        return None
    array = as_floats(weights, "sample_weight")
    array = np.full(X.shape[0], array) if array.ndim == 0 else array
    if array.shape == X.shape[:1] and not array.any():
        return array
    checked = check_weights(array, X)
    if checked.max() != array.max():
        raise ValueError(
            f"sample_weight reaches {array.max():.3g}, too far from 1 to be added up. "
            "Divide the weights by a number."
        )
    return checked


def sums_about(
    X: Any, y: Array, weights: Array | None, blocks: list[slice], origin: Array
) -> tuple[Any, ...]:
    """Those of `moments.sums_as_they_are`, weighted, of rows less their origin."""
    gram = np.zeros((len(origin) + 1,) * 2)
    for rows in blocks:
        w = None if weights is None else weights[rows]
        gram = gram_about(X[rows], y[rows], w, None, origin, gram)
    return sums_of(gram, X.shape[1])


def gram_about(
    X: Any, y: Array, weights: Array | None, rows: Indices | None, origin: Array, gram: Array | None
) -> Array:
    """gram + Σ wᵢzᵢzᵢᵀ over rows z = [x − x₀, y − y₀, 1], all or some of them: the upper triangle.

    Cost: beside the product a pass over these rows, of which a copy is made.
    """
    if X.dtype not in (np.float64, np.float32) or X.itemsize not in X.strides:
        X, y, weights = taken(X, y, weights, rows)
        X, rows = np.array(X, dtype=np.float64, order="C"), None
    p, m = X.shape[1], len(X) if rows is None else len(rows)
    by_column = X.strides[0] == X.itemsize and p > 1
    block = np.empty((m, len(origin) + 1), order="F" if by_column else "C")
    scale = None
    if weights is not None:
        scale = np.sqrt(weights if rows is None else weights[rows])
    row_kernels.shifted(X, rows, origin[:p], scale, block[:, :p])
    block[:, p:-1] = (y if rows is None else y[rows]) - origin[p:]
    block[:, -1] = 1.0
    if scale is not None:
        block[:, p:] *= scale[:, None]
    return add_gram(block, gram)


def taken(
    X: Any, y: Array, weights: Array | None, rows: Indices | slice | None
) -> tuple[Any, Array, Array | None]:
    """Some of the rows, None for all; columns that lie together stay so."""
    if rows is None:
        return X, y, weights
    by_column = isinstance(X, np.ndarray) and X.flags.f_contiguous and isinstance(rows, np.ndarray)
    X = X.T.take(rows, axis=1).T if by_column else X[rows]
    return X, y[rows], None if weights is None else weights[rows]


def check_numbers(name: str, values: Any, shape: tuple[int, ...]) -> None:
    """Raise where this is no array of floats of that shape."""
    if not (isinstance(values, np.ndarray) and values.dtype.kind == "f"):
        raise ValueError(f"{name} must be an array of floats, got {type(values).__name__}.")
    if values.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, got {values.shape}.")


def check_gram(gram: Any, origin: Any, n_features: Any) -> None:
    """Raise where this is no `gram_about` that origin, of so many features."""
    check_numbers("origin", origin, (np.size(origin),))
    check_numbers("gram", gram, (len(origin) + 1,) * 2)
    if not (isinstance(n_features, int | np.integer) and 0 <= n_features <= len(origin)):
        raise ValueError(
            f"n_features must be an integer up to {len(origin)}, the length of origin, got "
            f"{n_features!r}."
        )


def check_sums(sums: Any, n_rows: Any, x_origin: Any, y_origin: Any) -> None:
    """Raise where these are no sums as `sums_of` has them, of so many rows about these origins."""
    if not (isinstance(sums, tuple) and len(sums) == 6):
        raise ValueError(
            f"sums must be (xx, xy, yy, x_sum, y_sum, weight), got {type(sums).__name__}"
            f"{f' of length {len(sums)}' if isinstance(sums, tuple) else ''}."
        )
    p, q = np.size(x_origin), np.size(y_origin)
    check_numbers("x_origin", x_origin, (p,))
    check_numbers("y_origin", y_origin, (q,))
    shapes = {"xx": (p, p), "xy": (p, q), "yy": (q,), "x_sum": (p,), "y_sum": (q,)}
    for (name, shape), values in zip(shapes.items(), sums[:5], strict=True):
        check_numbers(f"{name} of sums", values, shape)
    if not lies_between(sums[5], 0, None, closed="left"):
        raise ValueError(f"weight of sums must be a number and not negative, got {sums[5]!r}.")
    if not (isinstance(n_rows, int | np.integer) and n_rows >= 0):
        raise ValueError(f"n_rows must be an integer and not negative, got {n_rows!r}.")


def sums_of(gram: Array, p: int) -> tuple[Any, ...]:
    """The sums of `moments.sums_as_they_are` from such a gram of p features."""
    sides = gram[:p, p:]
    yy = gram.diagonal()[p:-1].copy()
    xx = np.ascontiguousarray(gram[:p, :p])
    return xx, sides[:, :-1].copy(), yy, sides[:, -1].copy(), gram[p:-1, -1], float(gram[-1, -1])
