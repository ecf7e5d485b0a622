"""The report as one HTML page that needs no other file: tables, pictures, coefficients and code."""

import base64
import io
import shlex
from html import escape
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from skreg.cli.errors import UserError
from skreg.cli.files import check_writable
from skreg.cli.report import format_alpha
from skreg.cli.results import Report, verdict

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
       color: #222; background: #fff }
table { border-collapse: collapse; margin: 1rem 0; font-size: .9rem }
th, td { padding: .25rem .8rem; border-bottom: 1px solid #ddd; text-align: right }
th:first-child, td:first-child, .text td, .text th { text-align: left }
tr.chosen { background: #fdf0ec; font-weight: 600 }
pre { background: #f5f5f5; padding: 1rem; overflow-x: auto }
img { max-width: 100% }
div.wide { overflow-x: auto }
"""
_BINS = 10


def check_page_path(path: Path | None) -> None:
    """Check that a page can be written there, before any work is done.

    Raises
    ------
    UserError
        For another suffix, a missing folder, or one that is not writable.
    """
    if path is not None:
        check_writable("--report", path, (".html", ".htm"))


def write_page(report: Report, path: Path) -> None:
    """Write the page.

    Parameters
    ----------
    report : Report
    path : Path
    """
    title = f"{report.problem.y.name} from {report.name}"
    y = report.held_out[1]
    parts = [
        f"<h1>{escape(title)}</h1>",
        f"<p><strong>{escape(verdict(report.contenders, report.by))}</strong></p>",
        "<h2>Cross-validation</h2>",
        f"<p>Mean ± standard error over {report.options.folds} folds; λ chosen by "
        f"{escape(report.by.label)}.</p>",
        _table(report.header(), report.cross_validated(), report.marked),
        "<h2>Rows held out</h2>",
        f"<p>{len(y):,} rows that no model has seen, with 95 % intervals.</p>",
        _table(report.header(), report.on_held_out(), report.marked),
        *_pictures(report),
        *_coefficients(report),
        "<h2>Columns</h2>",
        *(f"<p>{escape(note)}</p>" for note in (*report.table.notes, *report.problem.notes)),
        _columns(report),
        "<h2>How to do it again</h2>",
        f"<pre>{escape(command(report))}</pre>",
        "<p>The model that won, fitted to all rows, in Python:</p>",
        f"<pre>{escape(code(report))}</pre>",
        "<p>Made by python -m skreg.</p>",
    ]
    page = (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}'
        '</title><meta name="viewport" content="width=device-width"><style>'
        f"{_STYLE}</style></head>\n<body>\n" + "\n".join(parts) + "\n</body></html>\n"
    )
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}") from None


def _table(header, rows, marked=None, kind=""):
    def line(cells, tag, chosen=False):
        inner = "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells)
        return f'<tr class="chosen">{inner}</tr>' if chosen else f"<tr>{inner}</tr>"

    lines = [line(row, "td", i == marked) for i, row in enumerate(rows)]
    inside = line(header, "th") + "\n".join(lines)
    return f'<div class="wide"><table class="{kind}">{inside}</table></div>'


def _columns(report):
    rows = [
        [c.name, c.kind, f"{c.n_missing:,}" if c.n_missing else "", c.use]
        for c in report.problem.columns
    ]
    return _table(["column", "kind", "missing", "what is done with it"], rows, kind="text")


def _coefficients(report):
    important = report.important
    if important is None or not important.names:
        return []
    rows = [
        [name, *(f"{one:+.4g}" for one in np.atleast_1d(coef))]
        for name, coef in zip(important.names, important.coefs, strict=True)
    ]
    return [
        "<h2>What matters</h2>",
        f"<p>The sparsest lasso within one standard error of its best, λ = "
        f"{format_alpha(important.alpha)}: {len(rows):,} of {important.n_features:,} features. "
        "Coefficients for one standard deviation of a number, or for a category.</p>",
        _table(["feature", *(important.classes or ["coefficient"])], rows),
    ]


def _pictures(report):
    if find_spec("matplotlib") is None:
        return ["<p>No pictures: matplotlib is missing (pip install matplotlib).</p>"]
    lasso = next((c for c in report.contenders if c.name == "lasso"), None)
    parts = []
    if lasso is not None:
        parts += ["<h2>The path of the lasso</h2>", _picture(_draw_path, lasso.search)]
    if hasattr(report.winner.model, "classes_"):
        parts += ["<h2>Calibration</h2>", _picture(_draw_calibration, report)]
    else:
        parts += ["<h2>Residuals</h2>", _picture(_draw_residuals, report)]
    return parts


def _picture(draw, subject: Any) -> str:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.2), layout="constrained")
    words = draw(figure.subplots(), subject)
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=110)
    data = base64.b64encode(file.getvalue()).decode()
    return f'<img alt="{escape(words)}" src="data:image/png;base64,{data}">'


def _draw_path(axis, search):
    from skreg.plotting import RegularizationPathDisplay

    RegularizationPathDisplay.from_search(search, ax=axis)
    return "Coefficients of the lasso against λ"


def _draw_calibration(axis, report):
    """The share of right answers among predictions of about the same probability."""
    X, y = report.held_out
    model = report.winner.model
    p = model.predict_proba(X)
    if p.shape[1] == 2:
        said, right = p[:, 1], np.asarray(y) == model.classes_[1]
        label = f"probability of {model.classes_[1]}"
    else:
        said, right = p.max(axis=1), model.classes_[p.argmax(axis=1)] == np.asarray(y)
        label = "probability of the class predicted"
    order = np.argsort(said, kind="stable")
    bins = np.array_split(order, min(_BINS, max(1, len(order) // 10)))
    x, share = (np.array([values[one].mean() for one in bins]) for values in (said, right))
    error = np.sqrt(share * (1 - share) / [len(one) for one in bins])
    top = min(1.0, 1.1 * max(x.max(), (share + error).max()))  # of a rare class all are small
    axis.plot([0, 1], [0, 1], color="0.7", linestyle="--")
    axis.errorbar(x, share, yerr=error, marker="o", capsize=3)
    axis.set(xlabel=label, ylabel="share in the rows held out", xlim=(0, top), ylim=(0, top))
    return f"Calibration of the {report.winner.name} on the rows held out"


def _draw_residuals(axis, report):
    X, y = report.held_out
    predicted = report.winner.model.predict(X)
    axis.scatter(predicted, np.asarray(y) - predicted, s=14, alpha=0.6)
    axis.axhline(0, color="0.4", linewidth=1)
    axis.set(xlabel=f"{y.name} predicted", ylabel="observed − predicted")
    return f"Residuals of the {report.winner.name} on the rows held out"


def command(report: Report) -> str:
    """The command line that gives this report again, without where results were written."""
    options = report.options
    words = ["python", "-m", "skreg", str(options.data), "--target", options.target]
    words += ["--task", report.problem.task, "--metric", report.by.name]
    for name in ("drop", "types"):
        for one in getattr(options, name):
            words += [f"--{name}", one]
    if options.separator is not None:
        words += ["--separator", options.separator]
    if options.alphas is not None:
        words += ["--alphas", *map(str, options.alphas)]
    if options.budget is not None:
        words += ["--budget", str(options.budget)]
    words += ["--hidden", *map(str, options.hidden)]
    for name in ("holdout", "folds", "seed", "max_iter", "batch_size", "learning_rate"):
        words += [f"--{name.replace('_', '-')}", str(getattr(options, name))]
    return shlex.join(words)


def code(report: Report) -> str:
    """Python that fits the model that won to all rows."""
    options, model = report.options, report.winner.model
    last = repr(model) if report.winner.search is None else repr(_last(report))
    name = last.partition("(")[0]
    home = "sklearn.dummy" if name.startswith("Dummy") else "skreg"
    target, scaled = options.target, report.problem.task == "regression"
    fitted = (
        "TransformedTargetRegressor(model, transformer=StandardScaler())" if scaled else "model"
    )
    given = f", separator={options.separator!r}" if options.separator else ""
    types = f", given=parse_types({options.types!r}, table.frame)" if options.types else ""
    dropped = f", drop={options.drop!r}" if options.drop else ""
    return f"""from pathlib import Path

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from {home} import {name}
from skreg.cli.columns import parse_types
from skreg.cli.preprocessing import build_preprocessor
from skreg.cli.reading import read_table
from skreg.cli.table import make_problem

table = read_table(Path({str(options.data)!r}), target={target!r}{given})
problem = make_problem(
    table.frame, {target!r}, task={report.problem.task!r}{dropped}{types}
)
prepare, _ = build_preprocessor(problem.X, problem.columns)
model = make_pipeline(prepare, {last})
model = {fitted}.fit(problem.X, problem.y)
"""


def _last(report: Report) -> Any:
    """The last step, with λ as a number that reads back."""
    search = report.winner.search
    last = search.best_estimator_[-1]
    return type(last)(**{**last.get_params(), "alpha": float(search.best_alpha_)})
