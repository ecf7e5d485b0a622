"""Programs as statements of C99."""

from __future__ import annotations

from collections.abc import Callable
from functools import singledispatchmethod

import numpy as np
from numpy.typing import NDArray

from skreg.export.program import (
    Affine,
    Apply,
    Bounds,
    Cosines,
    Fill,
    Mean,
    Offset,
    Program,
    RowMap,
    Softmax,
    Spread,
    Standardize,
    Take,
)
from skreg.export.text import Language, float32_number, float64_number, number_lines

_FUNCTIONS = {
    "exp": "exp",
    "tanh": "tanh",
    "sqrt": "sqrt",
    "abs": "fabs",
    "erfc": "erfc",
    "cos": "cos",
}
_COMPARED = {"maximum": "<", "minimum": ">"}


class C99(Language):
    """Numbers and functions of double or float."""

    has_erfc = True

    def __init__(self, dtype: np.dtype) -> None:
        super().__init__()
        self.is_double = dtype == np.float64
        self.real = "double" if self.is_double else "float"

    def number(self, value):
        return float64_number(value) if self.is_double else f"{float32_number(value)}f"

    def call(self, function, arguments):
        if function in _COMPARED:  # NaN comes through
            first, second = arguments
            return f"({first} {_COMPARED[function]} {second} ? {second} : {first})"
        return f"{_FUNCTIONS[function]}{'' if self.is_double else 'f'}({', '.join(arguments)})"

    def assign(self, name, code):
        self.lines.append(f"    const {self.real} {name} = {code};")
        return name


class CSource:
    """The constants and functions of a file, and the lines that map a row.

    The row is x, then one of two buffers, and behind the last affine map the result, raw. Members
    of an ensemble are mapped in a loop, with two buffers of their own, and summed in the result.
    """

    def __init__(self, name: str, dtype: np.dtype) -> None:
        self.name, self.language = name, C99(dtype)
        self.constants: list[str] = []
        self.functions: list[str] = []
        self.formulas: dict[tuple[str, tuple[float, ...]], str] = {}
        self.lines: list[str] = []
        self.buffers: dict[str, int] = {}
        self.row, self.n_steps, self.is_last = "x", 0, False
        self.pair, self.indent = ("a", "b"), "    "

    def constant(self, name: str, array: NDArray) -> str:
        """Write an array; its name."""
        name = f"{self.name}_{name}_{self.n_steps}"
        kind = "int" if array.dtype.kind == "i" else self.language.real
        head = f"static const {kind} {name}[{array.size}] = {{"
        self.constants += ["", head, *number_lines(array, self.language), "};"]
        return name

    def formula(self, formula: str, parameters: tuple[float, ...] = ()) -> str:
        """Write a formula as a function; its name."""
        key, real = (formula, parameters), self.language.real
        if key not in self.formulas:
            name = f"{self.name}_{formula}" + (f"_{self.n_steps}" if parameters else "")
            lines, value = self.language.function_of(formula, parameters)
            self.function(f"static {real} {name}({real} x)", [*lines, f"    return {value};"])
            self.formulas[key] = name
        return self.formulas[key]

    def function(self, head: str, lines: list[str]) -> None:
        """Write a function."""
        self.functions += ["", head, "{", *lines, "}"]

    def move(self, width: int, code: Callable[[str], str]) -> None:
        """Write a loop that makes each number of the row from one of the row before."""
        target = self.row if self.row != "x" else self.target(width)
        self.loop(target, width, code(f"{self.row}[i]"))

    def loop(self, target: str, width: int, code: str) -> None:
        """Write a loop over the numbers of the next row."""
        self.write(f"for (i = 0; i < {width}; ++i)", f"    {target}[i] = {code};")
        self.row = target

    def write(self, *lines: str) -> None:
        """Write statements."""
        self.lines += [self.indent + line for line in lines]

    def target(self, width: int) -> str:
        """Where the next row goes."""
        if self.is_last:
            return "raw"
        name = self.pair[self.row == self.pair[0]]
        self.buffers[name] = max(self.buffers.get(name, 0), width)
        return name

    @singledispatchmethod
    def add(self, step: RowMap, width: int) -> None:
        """Write a step, behind which the row has this width."""
        raise NotImplementedError(type(step).__name__)

    @add.register
    def _(self, step: Take, width):
        columns = self.constant("columns", step.indices)
        self.loop(self.target(width), width, f"{self.row}[{columns}[i]]")

    @add.register
    def _(self, step: Fill, width):
        fill = self.constant("fill", step.values)
        self.move(width, lambda x: f"{x} == {x} ? {x} : {fill}[i]")

    @add.register
    def _(self, step: Standardize, width):
        shift, scale = self.constant("shift", step.shift), self.constant("scale", step.scale)
        self.move(width, lambda x: f"({x} - {shift}[i]) / {scale}[i]")

    @add.register
    def _(self, step: Bounds, width):
        low = f"{self.constant('lower', step.lower)}[i]"
        high = f"{self.constant('upper', step.upper)}[i]"
        self.move(width, lambda x: f"{x} < {low} ? {low} : {x} > {high} ? {high} : {x}")

    @add.register
    def _(self, step: Cosines, width):
        waves, frequency, phase = (self.constant(*item) for item in step.arrays().items())
        two_pi = self.language.number(2 * np.pi)

        def code(x):
            turns = f"{two_pi} * ({x} * {frequency}[i] + {phase}[i])"
            return f"{waves}[i] ? {self.language.call('cos', [turns])} : {x}"

        self.move(width, code)

    @add.register
    def _(self, step: Apply, width):
        function = self.formula(step.formula, step.parameters)
        self.move(width, lambda x: f"{function}({x})")

    @add.register
    def _(self, step: Offset, width):
        added = "offset[i]" if step.width > 1 else "offset[0]"
        self.move(width, lambda x: f"{x} + {added}")

    @add.register
    def _(self, step: Affine, width):
        weights = self.constant("weights", step.weights.swapaxes(-1, -2))
        biases, target = self.constant("biases", step.biases), self.target(width)
        n_in = step.weights.shape[-2]
        weights += f" + m * {n_in * width}" * (step.weights.ndim > 2)
        biases += f" + m * {width}" * (step.biases.ndim > 1)
        call = f"{self.name}_affine({weights}, {biases}, {n_in}, {width}, {self.row}, {target});"
        self.write(call)
        self.row = target

    @add.register
    def _(self, step: Spread, width):
        factors = self.constant("factors", step.factors)
        self.write(f"for (m = 0; m < {len(step.factors)}; ++m) {{")
        self.pair, self.indent = ("c", "d"), "        "
        self.loop(self.target(width), width, f"{self.row}[i] * {factors}[m * {width} + i]")

    @add.register
    def _(self, step: Mean, width):
        self.loop("raw", width, f"raw[i] + {self.row}[i]")
        self.indent = "    "
        self.write("}")
        self.loop("raw", width, f"raw[i] / {step.n_members}")

    @add.register
    def _(self, step: Softmax, width):
        self.write(f"{self.softmax()}({width}, {self.row});")

    def softmax(self) -> str:
        """Write the function; its name."""
        key = ("softmax", ())
        if key not in self.formulas:
            self.formulas[key], real = f"{self.name}_softmax", self.language.real
            exp = self.formula("exponential")
            lines = [
                f"    {real} most = x[0], sum = 0;",
                "    int i;",
                "    for (i = 1; i < n; ++i)",
                "        most = x[i] > most ? x[i] : most;",
                "    for (i = 0; i < n; ++i)",
                f"        sum += x[i] = {exp}(x[i] - most);",
                "    for (i = 0; i < n; ++i)",
                "        x[i] /= sum;",
            ]
            self.function(f"static void {self.formulas[key]}(int n, {real} *x)", lines)
        return self.formulas[key]

    def write_raw(self, program: Program, parameters: str) -> None:
        """Write the function from a row to what the steps end in."""
        real, name, width = self.language.real, self.name, program.width
        self.function(
            f"static void {name}_affine(const {real} *weights, const {real} *biases, int n_in,\n"
            f"    int n_out, const {real} *from, {real} *to)",
            [
                "    int i, j;",
                "    for (j = 0; j < n_out; ++j) {",
                f"        {real} sum = biases[j];",
                "        for (i = 0; i < n_in; ++i)",
                "            sum += *weights++ * from[i];",
                "        to[j] = sum;",
                "    }",
            ],
        )
        last = max(i for i, step in enumerate(program.steps) if isinstance(step, Affine | Mean))
        if isinstance(program.steps[last], Mean):
            self.write(f"for (i = 0; i < {width}; ++i)", "    raw[i] = 0;")
        for i, (step, behind) in enumerate(zip(program.steps, program.widths, strict=True)):
            self.n_steps, self.is_last = i + 1, i >= last
            self.add(step, behind)
        counters = [f"    int {c};" for c in "im" if any(f"for ({c} " in s for s in self.lines)]
        buffers = [f"    {real} {b}[{size}];" for b, size in sorted(self.buffers.items())]
        head = f"static void {name}_raw({parameters}, {real} *raw)"
        self.function(head, [*buffers, *counters, *self.lines])
