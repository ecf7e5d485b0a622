"""Rows in chunks, and moments, in the place of X: what estimators make of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from skreg.rows import Chunks, Moments


def moments_of(
    X: Any,
    y: Any,
    refuse: Callable[[], None],
    sample_weight: Any = None,
    offset: Any = None,
) -> Any:
    """The `Moments` of rows in chunks, or that X is; None for rows in memory.

    ``refuse()`` raises where an estimator cannot be fitted from moments: before a pass.
    """
    moments = X if isinstance(X, Moments) else None
    chunks = None if moments is not None else Chunks.of(X, y, sample_weight)
    if moments is None and chunks is None:
        return None
    refuse()
    for name, given in (("offset", offset), ("y", y if chunks is None else None)):
        if given is not None:
            raise ValueError(f"{name} does not go with X as {type(X).__name__}. Leave it out.")
    return moments if chunks is None else chunks.moments()
