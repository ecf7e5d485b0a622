"""The command line of a saved model: ``predict`` and ``explain``."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from skreg.cli.errors import UserError


@dataclass(frozen=True, kw_only=True)
class PredictOptions:
    """What ``predict`` is told; ``output=None`` is the standard output."""

    model: Path
    data: Path
    output: Path | None = None
    proba: bool = False
    separator: str | None = None
    quiet: bool = False


@dataclass(frozen=True, kw_only=True)
class ExplainOptions:
    """What ``explain`` is told; with ``data`` importances are measured on its rows."""

    model: Path
    data: Path | None = None
    target: str | None = None
    plot: Path | None = None
    separator: str | None = None
    seed: int = 0


_MODEL = "a file that --save or skreg.save wrote, FILE.skreg"
_DATA = ".csv, .tsv or .txt (also .gz, .bz2, .xz, .zip), .parquet or .xlsx; - is the standard input"


class Parser(argparse.ArgumentParser):
    """A parser whose errors are those of the command line."""

    def error(self, message):
        raise UserError(f"{message} ({self.prog} --help explains the options)")


def separator_of(text):
    """A single character, or ``\\t`` in letters for a tab."""
    if text == "\\t":
        return "\t"
    if len(text) != 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a single character")
    return text


def _parser(job, description, epilog):
    parser = Parser(
        prog=f"python -m skreg {job}", description=description, epilog=epilog, allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter, argument_default=argparse.SUPPRESS,
    )  # fmt: skip
    parser.add_argument("model", metavar="MODEL", type=Path, help=_MODEL)
    return parser


def _predict_parser():
    parser = _parser(
        "predict",
        "Predict every row of a table, in its order, by a saved model. Columns are found by their\n"
        "names, in any order; others are not read.",
        "examples:\n"
        "  python -m skreg predict price.skreg new_houses.csv\n"
        "  python -m skreg predict churn.skreg customers.parquet --proba --output churn.csv",
    )
    parser.add_argument("data", metavar="FILE", type=Path, help=f"the rows: {_DATA}")
    parser.add_argument(
        "--output", metavar="FILE", type=Path,
        help="where to write, .csv, .tsv or .parquet (default: CSV on the standard output)",
    )  # fmt: skip
    parser.add_argument(
        "--proba", action="store_true", help="the probability of each class beside the prediction"
    )
    _add_separator(parser)
    parser.add_argument("--quiet", action="store_true", help="no notes on stderr")
    return parser


def _explain_parser():
    parser = _parser(
        "explain",
        "Say what a saved model goes by: its coefficients, or for networks how much each column\n"
        "counts. With FILE and --target, by how much its score falls where a column is shuffled.",
        "examples:\n"
        "  python -m skreg explain price.skreg --plot price.png\n"
        "  python -m skreg explain price.skreg houses.csv --target price",
    )
    parser.add_argument(
        "data", metavar="FILE", nargs="?", type=Path, default=None, help=f"rows: {_DATA}"
    )
    parser.add_argument("--target", metavar="COLUMN", help="the column of FILE that is predicted")
    parser.add_argument(
        "--plot", metavar="FILE", type=Path, help="draw it too: FILE.png, .svg or .pdf"
    )
    parser.add_argument("--seed", metavar="N", type=int, help="seed of the shuffles (default: 0)")
    _add_separator(parser)
    return parser


def _add_separator(parser):
    parser.add_argument(
        "--separator", metavar="CHAR", type=separator_of,
        help=r"what separates the columns of a CSV file; \t is a tab (default: told from the file)",
    )  # fmt: skip


#: What stands in the place of DATA.
PARSERS = {"predict": _predict_parser, "explain": _explain_parser}
_OPTIONS = {"predict": PredictOptions, "explain": ExplainOptions}


def parse_model_job(job, words):
    """The options of ``predict`` or ``explain``.

    Raises
    ------
    UserError
        For an argument that is wrong.
    """
    given = vars(PARSERS[job]().parse_args(words))
    if job == "explain" and (given["data"] is not None) != ("target" in given):
        raise UserError("FILE and --target go together: give both, or neither")
    return _OPTIONS[job](**given)
