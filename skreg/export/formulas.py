"""Formulas of single numbers, written once for every language that a model is exported to.

A formula is a function of a `Value`, which is an expression of the language at hand: a piece of
source text, or a tensor of an ONNX graph. The operators build larger expressions.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cache
from typing import Any, Self, TypeVar

import numpy as np
from numpy.polynomial import chebyshev
from scipy.special import erfcx

# Of (s + 4)·q(s) below: what the Chebyshev series leaves out at this degree is below half an ulp.
_DEGREE = 22
# Interpolated at so many more points, over which the rounding of erfcx averages out.
_POINTS = 512

V = TypeVar("V", bound="Value")


class Value(ABC):
    """A number, or an array of them, as an expression of some language."""

    @abstractmethod
    def combined(self, operator: str, left: Self | float, right: Self | float) -> Self:
        """``left operator right``, of which one is this value; the operators are + - * /."""

    @abstractmethod
    def function(self, name: str, *others: Self | float) -> Self:
        """A function of this value and others: neg, exp, tanh, sqrt, abs, maximum or minimum."""

    def polynomial(self, coefficients: tuple[float, ...]) -> Self:
        """Σ coefficients[k]·x^(n−k), the highest power first: by Horner's scheme."""
        value = self * coefficients[0] + coefficients[1]
        for coefficient in coefficients[2:]:
            value = value * self + coefficient
        return value

    def named(self, name: str) -> Self:
        """The same, worked out once: a language with variables keeps it in one of this name."""
        return self

    def upper_tail(self) -> Self:
        """P(Z > s) of a standard normal Z, for s ≥ 0.

        exp(−s²/2)·q(s) with q(s) = ½·erfcx(s/√2). (s + 4)·q(s) is smooth in t = (s − 4)/(s + 4)
        up to t = 1, and hence nearly a polynomial of it.
        """
        t = ((self - 4) / (self + 4)).named("t")
        bell = (-0.5 * self * self).function("exp")
        return bell * t.polynomial(normal_ratio()) / (self + 4)

    def __neg__(self) -> Self:
        return self.function("neg")

    def __add__(self, other: Self | float) -> Self:
        return self.combined("+", self, other)

    def __radd__(self, other: float) -> Self:
        return self.combined("+", other, self)

    def __sub__(self, other: Self | float) -> Self:
        return self.combined("-", self, other)

    def __mul__(self, other: Self | float) -> Self:
        return self.combined("*", self, other)

    def __rmul__(self, other: float) -> Self:
        return self.combined("*", other, self)

    def __truediv__(self, other: Self | float) -> Self:
        return self.combined("/", self, other)

    def __rtruediv__(self, other: float) -> Self:
        return self.combined("/", other, self)


@cache
def normal_ratio() -> tuple[float, ...]:
    """Coefficients of (s + 4)·½·erfcx(s/√2) as a polynomial of t = (s − 4)/(s + 4)."""

    def ratio(t):
        s = 4 * (1 + t) / (1 - t)
        return (s + 4) * 0.5 * erfcx(s / np.sqrt(2))

    series = chebyshev.chebinterpolate(ratio, _POINTS - 1)[: _DEGREE + 1]
    return tuple(chebyshev.cheb2poly(series)[::-1].tolist())


def logistic(x: V) -> V:
    """1/(1 + exp(−x))."""
    return 1 / (1 + (-x).function("exp"))


def tanh(x: V) -> V:
    """The hyperbolic tangent."""
    return x.function("tanh")


def relu(x: V) -> V:
    """x above 0, else 0."""
    return x.function("maximum", 0)


def silu(x: V) -> V:
    """x/(1 + exp(−x))."""
    return x / (1 + (-x).function("exp"))


def gelu(x: V) -> V:
    """x·Φ(x) with the normal law Φ: max(x, 0) − |x|·(1 − Φ(|x|))."""
    size = x.function("abs").named("size")
    return x.function("maximum", 0) - size * size.upper_tail()


def exponential(x: V) -> V:
    """exp(x)."""
    return x.function("exp")


def soft_clip(x: V, limit: float) -> V:
    """x/√(1 + (x/limit)²), with nothing that overflows: by the larger of 1 and |x/limit|."""
    share = (x / limit).named("share")
    unit = share.function("abs").function("maximum", 1).named("unit")
    inverse, rest = (1 / unit).named("inverse"), (share / unit).named("rest")
    return x / unit / (inverse * inverse + rest * rest).function("sqrt")


#: Every formula by its name.
FORMULAS: dict[str, Callable[..., Any]] = {
    "logistic": logistic,
    "tanh": tanh,
    "relu": relu,
    "silu": silu,
    "gelu": gelu,
    "exponential": exponential,
    "soft_clip": soft_clip,
}
