"""What a comparison of models on a table found, and how it is printed."""

from dataclasses import dataclass
from typing import Any

from skreg.cli.columns import listing
from skreg.cli.comparison import Contender, winner_of
from skreg.cli.importance import Important
from skreg.cli.metrics import Measure
from skreg.cli.reading import FileTable
from skreg.cli.report import format_alpha, format_interval, format_measure, format_table
from skreg.cli.table import Dataset


@dataclass(frozen=True)
class Report:
    """All that is known at the end, for what is printed and for the page."""

    options: Any
    table: FileTable
    problem: Dataset
    metrics: dict[str, Measure]
    by: Measure
    contenders: list[Contender]
    winner: Contender
    held_out: tuple[Any, Any]
    important: Important | None

    @property
    def name(self) -> str:
        """Of the data."""
        return "standard input" if str(self.options.data) == "-" else str(self.options.data)

    @property
    def marked(self) -> int:
        """Which contender won."""
        return self.contenders.index(self.winner)

    @property
    def positive(self) -> str | None:
        """The class that the log odds are of, where there are two."""
        classes = getattr(self.winner.model, "classes_", None)
        return str(classes[1]) if classes is not None and len(classes) == 2 else None

    def header(self) -> list[str]:
        """The columns of the next two tables."""
        return ["model", "λ", *(metric.label for metric in self.metrics.values())]

    def cross_validated(self) -> list[list[str]]:
        """A row for each model: metrics with their standard errors."""
        return [
            _head(c)
            + [format_measure(c.mean(m), c.standard_error(m), m) for m in self.metrics.values()]
            for c in self.contenders
        ]

    def on_held_out(self) -> list[list[str]]:
        """A row for each model: metrics with their intervals."""
        X, y = self.held_out
        return [
            _head(c) + [format_interval(c.held_out(m, X, y), m) for m in self.metrics.values()]
            for c in self.contenders
        ]


def _head(contender: Contender) -> list[str]:
    return [contender.name, "" if contender.alpha is None else format_alpha(contender.alpha)]


def print_problem(options, problem, kinds, notes):
    """Print what the table was taken for."""
    usable = [
        f"{len(kinds[kind])} {plural}"
        for kind, plural in (("number", "numeric"), ("category", "categorical"), ("date", "date"))
        if kind in kinds
    ]
    name = "standard input" if str(options.data) == "-" else options.data
    print(f"{name}: {len(problem.y):,} rows, columns: {', '.join(usable)}\n")
    print(listing(problem.columns), end="\n\n")
    for note in (*notes, *problem.notes):
        print(f"Note: {note}")


def print_comparison(report):
    """Print both tables, who won and which columns matter."""
    print(f"\nCross-validation, mean ± standard error (λ chosen by {report.by.label}):\n")
    print(format_table(report.header(), report.cross_validated(), marked=report.marked))
    print(f"\nThe {len(report.held_out[1]):,} rows held out, with 95 % intervals:\n")
    print(format_table(report.header(), report.on_held_out(), marked=report.marked))
    print(f"\n{verdict(report.contenders, report.by)}\n")
    if report.important is not None:
        print(report.important.text(report.problem.y.name, report.positive), end="\n\n")


def verdict(contenders, by):
    """Which model is best, and which cannot be told from it.

    Parameters
    ----------
    contenders : list of Contender
    by : Measure

    Returns
    -------
    str
    """
    winner, tied = winner_of(contenders, by)
    if winner.name == "baseline":
        return (
            f"No model does clearly better than the baseline, which looks at the target alone: "
            f"the best {by.label} is within one standard error of its."
            if tied
            else "No model does better than the baseline, which looks at the target alone."
        )
    named = f"the {winner.name} with λ = {format_alpha(winner.alpha)}"
    if not tied:
        return f"Best by {by.label} in cross-validation: {named}."
    others = ", ".join([named, *(f"the {c.name}" for c in tied[:-1])])
    return (
        f"A tie: by {by.label} in cross-validation {others} and the {tied[-1].name} are within "
        f"one standard error of the best. The {winner.name} is the simplest, and is taken."
    )
