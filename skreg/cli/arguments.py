"""The command line: options, their defaults and the help text."""

import argparse
import math
import sys
from dataclasses import dataclass, field
from pathlib import Path

from joblib import cpu_count

from skreg._version import __version__
from skreg.cli.errors import UserError
from skreg.cli.model_arguments import PARSERS, Parser, parse_model_job, separator_of


@dataclass(frozen=True, kw_only=True)
class Options:
    """Everything a job is told. ``alphas=None`` leaves each model its own grid."""

    data: Path | None
    target: str | None = None
    task: str = "auto"
    drop: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    separator: str | None = None
    holdout: float = 0.2
    metric: str = "auto"
    budget: float | None = None
    alphas: tuple[float, ...] | None = None
    folds: int
    seed: int = 0
    jobs: int = field(default_factory=cpu_count)
    hidden: tuple[int, ...]
    max_iter: int
    batch_size: int
    learning_rate: float = 4e-3
    label_noise: float = 0.2
    output_dir: Path = Path()
    save: Path | None = None
    report: Path | None = None
    quiet: bool = False


# Where the two jobs differ. The digits: sizes and epochs at which λ visibly matters within a
# minute on two cores. A table: a network small enough for a few hundred rows.
DEFAULTS = {
    "digits": {"folds": 3, "hidden": (256, 256, 256), "max_iter": 12, "batch_size": 100},
    "table": {"folds": 5, "hidden": (64, 64), "max_iter": 100, "batch_size": 32},
}
_TABLE_ONLY = (
    "target",
    "task",
    "drop",
    "types",
    "separator",
    "holdout",
    "metric",
    "budget",
    "report",
)
_DIGITS_ONLY = ("label_noise", "output_dir")

_DESCRIPTION = """\
Tune λ, the strength of regularization, by cross-validation.

Without DATA: a large network on 5,000 handwritten digits (a bundled part of MNIST), with a fifth of
the labels replaced at random; prints training and cross-validated error for each λ, and the error
of the chosen network on 1,000 test images, and saves a picture of the errors per epoch.

With DATA and --target: a table of your own, numbers, categories and dates, missing values allowed.
Compares ridge, lasso and a network with a baseline on rows held out.
"""

_EPILOG = """\
examples:
  python -m skreg
  python -m skreg houses.csv --target price --save price.skreg
  python -m skreg predict price.skreg new_houses.csv --output prices.csv
  python -m skreg explain price.skreg --plot price.png
  python -m skreg patients.csv.gz --target outcome --drop patient_id --folds 10
  python -m skreg wine.parquet --target quality --task regression --alphas 1 0.1 0.01 0

The task, unless --task says it: a target of text, true/false or at most 20 different whole numbers
means classification, any other number means regression.

exit codes: 0 done, 1 the output cannot be written, 2 bad input, 130 interrupted
"""


def _number(kind, low, *, high=math.inf, low_open=False, high_open=False):
    """A converter that accepts ``kind`` numbers of an interval only."""

    def convert(text):
        try:
            value = kind(text)
        except ValueError:
            value = math.nan
        inside = (low < value if low_open else low <= value) and (
            value < high if high_open else value <= high
        )
        if not inside or math.isinf(value):
            whole = "whole number" if kind is int else "number"
            lower = f"above {low}" if low_open else f"of at least {low}"
            upper = "" if math.isinf(high) else f" and below {high}"
            raise argparse.ArgumentTypeError(f"{text!r} is not a {whole} {lower}{upper}")
        return value

    return convert


def _both(name):
    """Say the default of an option that differs between the jobs."""
    digits, table = (DEFAULTS[job][name] for job in ("digits", "table"))
    if isinstance(digits, tuple):
        digits, table = (" ".join(map(str, value)) for value in (digits, table))
    return f"(default: {digits} for the digits, {table} for a table)"


def _build_parser():
    parser = Parser(
        prog="python -m skreg",
        usage="%(prog)s [options]\n       %(prog)s DATA --target COLUMN [options]\n"
        "       %(prog)s predict MODEL FILE [options]\n       %(prog)s explain MODEL [options]",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    data = parser.add_argument_group("your own data")
    _add_table(data)
    _add_comparison(data)
    digits = parser.add_argument_group("the digits")
    digits.add_argument(
        "--label-noise",
        metavar="SHARE",
        type=_number(float, 0, high=1),
        help="share of the training labels that are replaced at random (default: 0.2)",
    )
    _add_search(parser.add_argument_group("search"))
    _add_network(parser.add_argument_group("network"))
    _add_output(parser.add_argument_group("output"))
    parser.add_argument("--version", action="version", version=f"skreg {__version__}")
    return parser


def _add_table(data):
    data.add_argument(
        "data",
        metavar="DATA",
        nargs="?",
        default=None,
        type=Path,
        help="a table with one row a sample and a header: .csv, .tsv or .txt (also .gz, .bz2, .xz "
        "or .zip), .parquet or .xlsx; - reads the standard input",
    )
    data.add_argument("--target", metavar="COLUMN", help="the column to predict")
    data.add_argument(
        "--task",
        choices=("auto", "classification", "regression"),
        help="what to predict: a class or a number (default: auto)",
    )
    data.add_argument(
        "--drop",
        metavar="COLUMN",
        action="append",
        help="a column to leave out, such as a row number; may be given again",
    )
    data.add_argument(
        "--types",
        metavar="COLUMN=KIND",
        action="append",
        help="what a column is: number, category, date, date:FORMAT (such as date:%%d/%%m/%%Y) or "
        "drop; may be given again (default: told from the values, and printed)",
    )
    data.add_argument(
        "--separator",
        metavar="CHAR",
        type=separator_of,
        help=r"what separates the columns of a CSV file; \t is a tab (default: told from the file)",
    )


def _add_comparison(data):
    data.add_argument(
        "--holdout",
        metavar="SHARE",
        type=_number(float, 0, high=1, low_open=True, high_open=True),
        help="share of the rows kept out of the search (default: 0.2)",
    )
    data.add_argument(
        "--metric",
        choices=("auto", "log_loss", "error", "roc_auc", "average_precision", "rmse", "mae", "r2"),
        help="what λ and the model are chosen by; the others are shown beside it (default: "
        "log_loss for classes, rmse for numbers)",
    )
    data.add_argument(
        "--budget",
        metavar="SECONDS",
        type=_number(float, 0, low_open=True),
        help="about how long it may take, once Python has started; the network trains for fewer "
        "epochs, and models are left out, but for the first (default: no limit)",
    )


def _add_search(search):
    search.add_argument(
        "--alphas",
        metavar="λ",
        nargs="+",
        type=_number(float, 0),
        help="the λ to compare, 0 for no penalty (default: the digits "
        "0.01 0.001 0.0001 1e-05 0; a table a grid for each model)",
    )
    search.add_argument(
        "--folds",
        metavar="K",
        type=_number(int, 2),
        help=f"folds of the cross-validation {_both('folds')}",
    )
    search.add_argument(
        "--seed",
        metavar="N",
        type=_number(int, 0, high=2**32, high_open=True),
        help="seed of splits and networks (default: 0)",
    )
    search.add_argument(
        "--jobs",
        metavar="N",
        type=_number(int, 1),
        help="fits that run at the same time (default: one a core)",
    )


def _add_network(network):
    network.add_argument(
        "--hidden",
        metavar="UNITS",
        nargs="+",
        type=_number(int, 1),
        help=f"units of each hidden layer {_both('hidden')}",
    )
    network.add_argument(
        "--max-iter",
        metavar="EPOCHS",
        type=_number(int, 1),
        help=f"passes over the training rows {_both('max_iter')}",
    )
    network.add_argument(
        "--batch-size",
        metavar="ROWS",
        type=_number(int, 1),
        help=f"rows of a mini-batch {_both('batch_size')}",
    )
    network.add_argument(
        "--learning-rate",
        metavar="η",
        type=_number(float, 0, low_open=True),
        help="step size of Adam in the first epoch; it falls as 1/√epoch (default: 0.004)",
    )


def _add_output(output):
    output.add_argument(
        "--save",
        metavar="FILE",
        type=Path,
        help="save the best model (of a table: refitted with the rows held out) as FILE.skreg, "
        "which predict and explain take, as FILE.joblib or, with skops installed, FILE.skops",
    )
    output.add_argument(
        "--report",
        metavar="FILE",
        type=Path,
        help="write the results for a table as one HTML page with pictures, FILE.html",
    )
    output.add_argument(
        "--output-dir",
        metavar="DIR",
        type=Path,
        help="folder for the picture of the digits (default: .)",
    )
    output.add_argument("--quiet", action="store_true", help="no progress on stderr")


def parse(argv=None):
    """Parse the arguments.

    Parameters
    ----------
    argv : list of str, default=None
        The arguments; None takes those of the process.

    Returns
    -------
    job : {"digits", "table", "predict", "explain"}
    options : Options, PredictOptions or ExplainOptions

    Raises
    ------
    UserError
        For an argument that is wrong, or that does not belong to the job.
    """
    words = sys.argv[1:] if argv is None else argv
    if words and words[0] in PARSERS:
        return words[0], parse_model_job(words[0], words[1:])
    given = vars(_build_parser().parse_args(words))
    job = "digits" if given["data"] is None else "table"
    foreign, remedy = (
        (_DIGITS_ONLY, "applies to the digits only: leave out DATA")
        if job == "table"
        else (_TABLE_ONLY, "needs DATA, the file to read")
    )
    for name in foreign:
        if name in given:
            raise UserError(f"--{name.replace('_', '-')} {remedy}")
    for name in ("alphas", "drop", "types", "hidden"):
        if name in given:
            given[name] = tuple(given[name])
    return job, Options(**{**DEFAULTS[job], **given})
