"""What every penalty offers to solvers, certificates and degrees of freedom."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Of float64 or float32, as θ is.
Array = NDArray[Any]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Blocks:
    """The partition of the components into blocks that J couples.

    Attributes
    ----------
    order : ndarray of shape (p,)
        The components, block by block.
    starts : ndarray of shape (n_blocks + 1,)
        Block b holds the components ``order[starts[b] : starts[b + 1]]``.

    Examples
    --------
    >>> from skreg.penalties import Group
    >>> blocks = Group(["a", "b", "a"]).blocks(3)
    >>> blocks.order, blocks.starts
    (array([0, 2, 1]), array([0, 2, 3]))
    """

    order: NDArray[np.intp]
    starts: NDArray[np.intp]

    @classmethod
    def single(cls, p: int) -> "Blocks":
        """Every component by itself."""
        return cls(np.arange(p), np.arange(p + 1))

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def labels(self) -> NDArray[np.intp]:
        """The block of each component, shape (p,)."""
        out = np.empty(len(self.order), dtype=np.intp)
        out[self.order] = np.repeat(np.arange(len(self)), np.diff(self.starts))
        return out


@dataclass(frozen=True, eq=False)
class Tangent:
    """The second derivative of λJ along the directions in which J is smooth at θ.

    These directions are the m active components, or the columns of ``basis`` where the active
    components move together (clusters of equal size under SLOPE). In them

        ∂²(λJ) = diag(diagonal) − factors @ factors.T.

    Attributes
    ----------
    active : ndarray of bool, shape of θ
        Components that are neither 0 by the penalty nor at a bound.
    diagonal : ndarray of shape (m,)
    factors : ndarray of shape (m, r) or None
    basis : ndarray of shape (n_active, m) or None
        Row by row for the components of ``θ[active]``, which are in row-major order. None stands
        for the identity.
    """

    active: Mask
    diagonal: Array
    factors: Array | None = None
    basis: Array | None = None

    def matrix(self) -> Array:
        """∂²(λJ) as an array of shape (m, m)."""
        out = np.diag(self.diagonal)
        return out if self.factors is None else out - self.factors @ self.factors.T


class Penalty(ABC):
    """A penalty P(θ; λ), which is λ·J(θ) unless it says otherwise.

    A penalty knows its shape and never its strength: λ is the argument ``alpha``, so a path
    changes nothing. θ has shape (p,), or (q, p) for q targets or classes, which share the blocks.

    A subclass must define `value`, `gradient`, `prox`, `pull`, `conjugate` and `curvature`; the
    other members have defaults for a penalty on each component by itself.

    Attributes
    ----------
    kernel : str
        The compiled solver that knows this penalty: "coordinates" for Σ l1ⱼ|θⱼ| + ½ l2ⱼθⱼ²,
        within bounds on request; "groups" for Σ_g w_g‖θ_g‖₂; "prox" for any other, which is solved
        through `prox`.
    is_convex : bool
    is_smooth : bool
        Whether J has a derivative everywhere, so that no component is ever exactly 0.
    is_separable : bool
        Whether P is a sum over components, also over those of different targets: `prox` then takes
        a step for each.
    """

    @property
    def kernel(self) -> str:
        """Which compiled solver serves."""
        return "prox"

    @property
    def is_convex(self) -> bool:
        """Whether P is convex in θ."""
        return True

    @property
    def is_smooth(self) -> bool:
        """Whether J has a derivative everywhere."""
        return False

    @property
    def is_separable(self) -> bool:
        """Whether P is a sum over components."""
        return False

    @abstractmethod
    def value(self, theta: Array, alpha: float = 1.0) -> float:
        """P(θ; λ), +inf outside the bounds."""

    def values(self, thetas: Array) -> Array:
        """J of several θ, shape (m,), one after the other: there may be as many numbers as in X."""
        return np.array([self.value(np.asarray(theta, dtype=np.float64)) for theta in thetas])

    @abstractmethod
    def gradient(self, theta: Array, alpha: float = 1.0) -> Array:
        """∂P/∂θ; where P has a kink, the sub-gradient nearest to 0."""

    @abstractmethod
    def prox(self, theta: Array, step: ArrayLike, alpha: float = 1.0) -> Array:
        """argmin_u ½‖u − θ‖² + step·P(u; λ).

        ``step`` is one number; where ``is_separable``, or one for each component.
        """

    @abstractmethod
    def pull(self, slope: Array) -> Array:
        """The smallest λ at which each block stays at 0, shape (n_blocks,).

        ``slope`` is −∂R/∂θ where the block is 0: the result is the dual norm of the slope. A block
        that has no kink at 0 gives 0 where its slope is 0, and +inf elsewhere.
        """

    @abstractmethod
    def conjugate(self, slope: Array, alpha: float = 1.0) -> float:
        """P*(s) = sup_θ ⟨θ, s⟩ − P(θ; λ), +inf outside its domain."""

    @abstractmethod
    def curvature(self, theta: Array, alpha: float = 1.0) -> Tangent:
        """The second derivative of P on the active components, see `Tangent`."""

    @property
    def is_flat(self) -> bool:
        """Whether J is linear along every direction in which it is smooth, as ‖θ‖₁ is."""
        return False

    def check_features(self, p: int) -> None:  # noqa: B027  (most fit any number)
        """Raise ValueError if the penalty is not one of p features."""

    def blocks(self, p: int) -> Blocks:
        """The components that `prox` treats together."""
        return Blocks.single(p)

    def free(self, p: int) -> Mask:
        """Mask of the components without a penalty, shape (p,)."""
        return np.zeros(p, dtype=bool)

    def admits(self, p: int) -> Mask:
        """Mask of the features that may have a coefficient other than 0, shape (p,)."""
        theta = np.ones((1, p))
        return np.any([self.prox(end, 1.0, 0.0) for end in (theta, -theta)], axis=(0, 1))

    def is_bounded(self, p: int) -> bool:
        """Whether P is infinite for some θ, so that it says something at λ = 0, too."""
        ones = np.ones(p)
        return not (np.isfinite(self.value(ones)) and np.isfinite(self.value(-ones)))

    def for_outputs(self, n_outputs: int) -> "Penalty":
        """The same J of a θ with so many rows, in its simplest form."""
        return self

    def bounds_alone(self) -> "Penalty | None":
        """0 where P is finite, +inf elsewhere: what is left of P as λ → 0. None if nothing is."""
        return None

    def alpha_max(self, gradient_at_zero: Array) -> float:
        """The smallest λ at which 0 is optimal for all penalized blocks; +inf if there is none.

        ``gradient_at_zero`` is ∂R/∂θ where they are 0 and free components are at their best.
        """
        p = np.shape(gradient_at_zero)[-1]
        blocks = self.blocks(p)
        held = ~self.free(p)[blocks.order[blocks.starts[:-1]]]
        return float(self.pull(-np.asarray(gradient_at_zero))[held].max(initial=0.0))

    def common_shares(self, p: int) -> tuple[float, float] | None:
        """(weight of ‖θ‖₁, weight of ½‖θ‖²) where J is the sum of the two; None where it is not.

        Networks compile it, as they do `common_pieces`.
        """
        return None

    def common_pieces(self, alpha: float) -> Array | None:
        """P of one component as a quadratic by pieces of its size, rows as in `Concave.pieces`.

        None where it is not one, or not the same for every component.
        """
        return None

    def table(self, p: int, alpha: float) -> Array | None:
        """P of each component as a quadratic by pieces of its size, shape (p, 3, 4), or None.

        Rows as in `Concave.pieces`; a first end below 0 holds a component at 0. Linear models then
        take compiled steps.
        """
        return None

    def support(self, theta: Array) -> Mask:
        """Mask of the components that the penalty has not switched off; the shape of θ."""
        return np.not_equal(theta, 0) | self.free(np.shape(theta)[-1])
