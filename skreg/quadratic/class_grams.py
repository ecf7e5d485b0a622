"""Weighted products of columns, each class's by itself, summed over blocks of rows."""

from __future__ import annotations

import numpy as np

from skreg._kernels import rows as row_kernels
from skreg.rows.products import Array, Indices, add_gram, product, symmetric

# Columns of a class up to which all classes' are summed at once.
_FEW = 48


class ClassGrams:
    """Σᵢ wᵢₖxᵢxᵢᵀ over the coefficients of each class k, summed over blocks of rows.

    Without the first columns of all. ``places`` are the columns of a block that the coefficients
    belong to. Few a class are taken all at once: calls would take longer than sums.
    """

    def __init__(self, classes: Indices, places: Indices, n_classes: int, first: int):
        self._first, self._order = first, np.argsort(classes, kind="stable")
        self._places = places
        self._starts = np.searchsorted(classes[self._order], np.arange(n_classes + 1))
        self._members: list[Indices] = []
        self._grams: list[Array | None] = [None] * n_classes
        self._together = None
        if (self._starts[1:] - self._starts[:-1]).max() <= _FEW:
            self._together = np.zeros((len(classes), len(classes) - first))
        else:
            self._members = np.split(self._order, self._starts[1:-1])

    def add(self, x: Array, weights: Array) -> None:
        """Rows x (n, columns) with weights (n, K)."""
        if self._together is not None:
            its = self._places, weights, self._order, self._starts, self._first
            row_kernels.class_grams(x, *its, self._together)
            return
        for k, members in enumerate(self._members):
            part = x[:, self._places[members]]
            start = int(np.searchsorted(members, self._first))
            self._grams[k] = add_columns(np.sqrt(weights[:, [k]]) * part, start, self._grams[k])

    def add_to(self, out: Array) -> None:
        """Add them to an array of shape (m, m − first)."""
        first = self._first
        if self._together is not None:
            out += self._together
            return
        for members, gram in zip(self._members, self._grams, strict=True):
            start = int(np.searchsorted(members, first))
            if gram is not None and start < len(members):
                gram = gram if start else symmetric(gram)
                out[np.ix_(members, members[start:] - first)] += gram


def add_columns(a: Array, first: int, out: Array | None) -> Array:
    """out + aᵀa without the first columns; all of it as `add_gram` has it, an upper triangle."""
    if first == 0:
        return add_gram(a, out)
    cross = product(a.T, np.ascontiguousarray(a[:, first:]))
    return cross if out is None else out + cross
