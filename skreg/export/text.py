"""Formulas as source text: what languages that are written as text have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skreg.export.formulas import FORMULAS, Value

_SUM, _PRODUCT, _ATOM = 1, 2, 3
_STRENGTH = {"+": _SUM, "-": _SUM, "*": _PRODUCT, "/": _PRODUCT}
_NUMBERS_A_LINE = 6


class Language(ABC):
    """How a language writes numbers, functions and variables; the lines of a function so far."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    #: Whether `call` knows erfc, the complementary error function.
    has_erfc = False

    @abstractmethod
    def number(self, value: float) -> str:
        """A number that is read as exactly this one."""

    @abstractmethod
    def call(self, function: str, arguments: Sequence[str]) -> str:
        """A call of one of the functions of `Value.function`."""

    def assign(self, name: str, code: str) -> str | None:
        """Keep an expression in a variable, whose name it returns; None where there is none."""
        return None

    def polynomial(self, x: str, coefficients: Sequence[float]) -> str | None:
        """A call that evaluates a polynomial; None where there is none."""
        return None

    def text(self, code: str) -> Text:
        """A variable, or another piece of code that needs no parentheses."""
        return Text(self, code, _ATOM)

    def function_of(self, formula: str, parameters: Sequence[float]) -> tuple[list[str], str]:
        """One of `FORMULAS` of the variable x: the lines ahead of its value, and the value."""
        self.lines = []
        value = FORMULAS[formula](self.text("x"), *parameters)
        return self.lines, value.code


@dataclass(frozen=True)
class Text(Value):
    """An expression as text, with how strongly it holds together."""

    language: Language
    code: str
    strength: int

    def _operand(self, value: Text | float, least: int) -> str:
        if not isinstance(value, Text):
            return self.language.number(value)
        return value.code if value.strength >= least else f"({value.code})"

    def combined(self, operator, left, right):
        """See `Value.combined`."""
        strength = _STRENGTH[operator]
        first, second = self._operand(left, strength), self._operand(right, strength + 1)
        return Text(self.language, f"{first} {operator} {second}", strength)

    def function(self, name, *others):
        """See `Value.function`."""
        if name == "neg":
            return Text(self.language, f"-{self._operand(self, _ATOM)}", _SUM)
        arguments = [self._operand(value, _SUM) for value in (self, *others)]
        return self.language.text(self.language.call(name, arguments))

    def polynomial(self, coefficients):
        """See `Value.polynomial`."""
        called = self.language.polynomial(self.code, coefficients)
        return super().polynomial(coefficients) if called is None else self.language.text(called)

    def upper_tail(self):
        """See `Value.upper_tail`."""
        if not self.language.has_erfc:
            return super().upper_tail()
        return 0.5 * (self * np.sqrt(0.5)).function("erfc")

    def named(self, name):
        """See `Value.named`."""
        variable = self.language.assign(name, self.code)
        return self if variable is None else self.language.text(variable)


def number_lines(array: NDArray, language: Language, indent: str = "    ") -> list[str]:
    """The numbers of an array, a few on each line, with a comma behind each."""
    write = str if array.dtype.kind == "i" else language.number
    numbers = [write(value) for value in array.ravel().tolist()]
    rows = range(0, len(numbers), _NUMBERS_A_LINE)
    return [f"{indent}{', '.join(numbers[i : i + _NUMBERS_A_LINE])}," for i in rows]


def float64_number(value: float) -> str:
    """The shortest decimal that is read as this float64."""
    return repr(float(value))


def float32_number(value: float) -> str:
    """The shortest decimal that is read as this float32."""
    return str(np.float32(value))
