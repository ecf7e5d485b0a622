"""What solvers ask of the rows of a linear model."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

from skreg.rows.products import Array, Indices, Some, slices


class Rows(ABC):
    """X − c by reference, dense or sparse: products only; weights of rows are arguments.

    Sums are float64 whatever X is, and no product copies more than a block of X.

    Attributes
    ----------
    X : ndarray, CSR or CSC of shape (n, p)
    center : ndarray of shape (p,)
        c.
    is_centered : bool
        Whether c is not 0.
    """

    X: Any
    shape: tuple[int, int]
    center: Array
    is_centered: bool

    @property
    def has_plain_rows(self) -> bool:
        """Whether X itself, c being 0, lies row by row in memory."""
        return False

    @property
    def is_all_sparse(self) -> bool:
        """Whether X is sparse, and no column of it is held dense."""
        return False

    @abstractmethod
    def about(self, center: Array) -> "Rows":
        """The rows of the same X about another center."""

    @abstractmethod
    def dot(self, theta: Array) -> Array:
        """(X − c)θ for θ of shape (p, k), as a new array."""

    @abstractmethod
    def some_dot(self, which: Indices, theta: Array) -> Array:
        """(X − c)[:, which]·θ for θ of shape (len(which), k)."""

    @abstractmethod
    def transposed_dot(self, r: Array) -> Array:
        """(X − c)ᵀr for r of shape (n, k), as a new array."""

    @abstractmethod
    def gram(self, weights: Array) -> tuple[Array, Array]:
        """Σᵢ wᵢ(xᵢ − c)(xᵢ − c)ᵀ and Σᵢ wᵢ(xᵢ − c) for w ≥ 0: n·p² flops, one pass over X."""

    @abstractmethod
    def outer_gram(self, scale: Array | None = None) -> Array:
        """ZZᵀ (n × n) for Z = (X − c)·diag(scale): n²·p flops."""

    @abstractmethod
    def squares(self, weights: Array) -> Array:
        """The diagonal of `gram`."""

    @abstractmethod
    def columns(self, which: Some) -> Array:
        """(X − c)[:, which] as a new float64 array."""

    def kept_columns(self, which: Some) -> Any:
        """The same to be held: CSC where X is sparse and c = 0."""
        return self.columns(which)

    @abstractmethod
    def block(self, rows: Some) -> Array:
        """(X − c)[rows] in float64, not to be written to."""

    @abstractmethod
    def row_blocks(
        self, which: Some | None = None, at_least: int = 32
    ) -> Iterator[tuple[slice, Array]]:
        """Yield (rows, (X − c)[rows, which]), the latter a new float64 array."""

    def column_blocks(self, at_least: int = 32) -> Iterator[tuple[slice, Array]]:
        """Yield (columns, (X − c)[:, columns]), the latter a new array."""
        for columns in slices(*self.shape[::-1], at_least):
            yield columns, self.columns(columns)

    def mean(self, share: Array) -> Array:
        """Σᵢ shareᵢ·xᵢ for shares of sum 1."""
        return self.center + self.transposed_dot(share[:, None])[:, 0]
