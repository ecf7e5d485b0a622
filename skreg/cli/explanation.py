"""``python -m skreg explain``: what a saved model goes by."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.inspection import permutation_importance
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skreg.cli.errors import UserError
from skreg.cli.files import check_writable
from skreg.cli.preprocessing import plain_names
from skreg.cli.reading import read_table
from skreg.cli.report import format_alpha, format_table
from skreg.cli.saved_model import load_model, rows_for
from skreg.cli.table import find_column

_SHOWN, _REPEATS = 20, 5


@dataclass(frozen=True)
class Importances:
    """What counts how much.

    Attributes
    ----------
    what : str
        What the numbers are.
    names : list of str
        Features or columns, the largest first.
    values : ndarray of shape (n, n_outputs)
    outputs : list of str
        A heading for each column of ``values``.
    n_all : int
        How many features or columns there are, with those of value 0.
    spread : ndarray of shape (n,) or None
        Standard deviations of the values.
    is_signed : bool
        Whether values say a direction.
    """

    what: str
    names: list[str]
    values: np.ndarray
    outputs: list[str]
    n_all: int
    spread: np.ndarray | None = None
    is_signed: bool = False

    @classmethod
    def of(cls, what, names, values, outputs, spread=None, is_signed=False):
        """Sorted, and without what is 0."""
        values = np.asarray(values, dtype=np.float64).reshape(len(names), -1)
        size = np.abs(values).max(axis=1)
        kept = np.argsort(-size, kind="stable")[: np.count_nonzero(size)]
        spread = None if spread is None else spread[kept]
        kept_names = [names[i] for i in kept]
        return cls(what, kept_names, values[kept], outputs, len(names), spread, is_signed)

    def text(self):
        """What is printed."""
        if not self.names:
            return f"{self.what}: all {self.n_all:,} are 0."
        rows, sign = [], "+" if self.is_signed else ""
        for i, name in enumerate(self.names[:_SHOWN]):
            cells = [f"{one:{sign}.4g}" if one else "0" for one in self.values[i]]
            if self.spread is not None:
                cells = [f"{cells[0]} ± {self.spread[i]:.2g}"]
            rows.append([name, *cells])
        more = len(self.names) - _SHOWN
        counted = f"{len(self.names):,} of {self.n_all:,} count"
        table = format_table(["", *self.outputs], rows)
        end = f"\n  and {more:,} more" if more > 0 else ""
        return f"{self.what}; {counted}:\n\n{table}{end}"


def run(options):
    """Say what a model goes by, and draw it if asked to.

    Parameters
    ----------
    options : ExplainOptions

    Raises
    ------
    UserError
        If a file cannot be read or written, or the model has nothing to be explained by.
    """
    if options.plot is not None:
        _check_plot(options.plot)
    model = load_model(options.model)
    print(f"{options.model}: {described(model)}\n")
    found = explained(model) if options.data is None else shuffled(model, options)
    print(found.text())
    if options.plot is not None:
        draw(found, options.plot)
        print(f"\nPicture: {options.plot}")


def described(model):
    """The model in words: its kind, λ, classes and columns."""
    last = _last_step(model)
    said = [type(last).__name__]
    if (alpha := getattr(last, "alpha_", None)) is not None:
        said.append(f"λ = {', '.join(map(format_alpha, np.ravel(alpha)))}")
    if (classes := getattr(model, "classes_", None)) is not None:
        said.append(f"classes {', '.join(map(str, np.ravel(classes)[:10]))}")
    said.append(f"{model.n_features_in_:,} columns")
    steps = [type(step).__name__ for _, step in _pipeline(model)[:-1]]
    return ", ".join(said) + (f", after {', '.join(steps)}" if steps else "")


def explained(model):
    """Coefficients of a linear model, shares of the inputs of a network.

    Raises
    ------
    UserError
        If the model has neither.
    """
    last, steps = _last_step(model), _pipeline(model)
    names = _feature_names(model, steps, last)
    if hasattr(last, "coef_"):
        coefs = _in_its_unit(model, np.atleast_2d(last.coef_).T)
        outputs = _outputs(model, coefs.shape[1])
        return Importances.of(_unit(model, last), names, coefs, outputs, is_signed=True)
    if hasattr(last, "feature_importances_"):
        columns = [str(one) for one in getattr(model, "feature_names_in_", names)]
        owners = [column_of(name, columns) for name in names]
        squares = pd.Series(np.square(last.feature_importances_)).groupby(owners, sort=False).sum()
        norms = np.sqrt(squares)
        what = "Share of each column in the norm of the weights that leave the inputs, ‖W₁‖₂"
        shares = norms / norms.sum() if norms.sum() else norms
        return Importances.of(what, list(norms.index), shares.to_numpy(), ["share"])
    raise UserError(
        f"a {type(last).__name__} has neither coefficients nor weights: give FILE and --target, "
        "and importances are measured"
    )


def shuffled(model, options):
    """By how much the score on given rows falls where a column is shuffled.

    The mean of five shuffles (Breiman, 2001, "Random forests").
    """
    frame = read_table(options.data, separator=options.separator).frame
    target = find_column(frame, options.target, "--target")
    frame = frame[frame[target].notna()].reset_index(drop=True)
    rows = rows_for(model, frame.drop(columns=target), str(options.data))
    y = frame[target]
    if (classes := getattr(model, "classes_", None)) is not None:
        y = y.astype(classes.dtype) if classes.dtype != object else y.astype(str).astype(object)
    try:
        found = permutation_importance(
            model, rows.X, y, n_repeats=_REPEATS, random_state=options.seed
        )
    except ValueError as error:
        raise UserError(f"the model refuses these rows: {str(error).splitlines()[0]}") from None
    score = "accuracy" if classes is not None else "R²"
    names = [str(one) for one in getattr(rows.X, "columns", range(model.n_features_in_))]
    return Importances.of(
        f"Fall of the score ({score}) where a column of the {len(y):,} rows is shuffled, "
        f"mean ± standard deviation of {_REPEATS}",
        names, found.importances_mean, ["fall"], found.importances_std,
    )  # fmt: skip


def _parts(model):
    """A model and what is inside it, from the outside to the estimator that predicts."""
    while True:
        yield model
        if hasattr(model, "best_estimator_"):
            model = model.best_estimator_
        elif hasattr(model, "regressor_"):
            model = model.regressor_
        elif isinstance(model, Pipeline):
            model = model.steps[-1][1]
        else:
            return


def _pipeline(model):
    """The named steps, the estimator alone last."""
    pipes = [part.steps for part in _parts(model) if isinstance(part, Pipeline)]
    return pipes[0] if pipes else [("model", model)]


def _last_step(model):
    return list(_parts(model))[-1]


def _target_transformer(model):
    return next((p.transformer_ for p in _parts(model) if hasattr(p, "transformer_")), None)


def _in_its_unit(model, coefs):
    """Coefficients for the target itself, where it was only scaled."""
    scaler = _target_transformer(model)
    return coefs * scaler.scale_ if isinstance(scaler, StandardScaler) else coefs


def _feature_names(model, steps, last):
    names = getattr(model, "feature_names_in_", None)
    if len(steps) > 1:
        try:
            return plain_names(Pipeline(steps[:-1]).get_feature_names_out(names))
        except (AttributeError, ValueError):  # a step that gives its columns no names
            names = None
    elif names is not None:
        return [str(one) for one in names]
    return [f"x{i}" for i in range(last.n_features_in_)]


def column_of(feature: str, columns: list[str]) -> str:
    """The column of the table that a feature is made of; the feature itself where none is known.

    Examples
    --------
    >>> from skreg.cli.explanation import column_of
    >>> [column_of(name, ["sex", "age"]) for name in ("age", "age is missing", "sex = f", "pca0")]
    ['age', 'age', 'sex', 'pca0']
    """
    made = [one for one in columns if feature == one or feature.startswith((f"{one} ", f"{one}_"))]
    return max(made, key=len, default=feature)


def _unit(model, last):
    """What the coefficients are of."""
    link = getattr(last, "loss", None)
    logs = isinstance(link, str) and link in ("poisson", "gamma", "tweedie", "negative_binomial")
    classes = getattr(model, "classes_", None)
    unit = "the target"
    if classes is not None:
        unit = f"log odds of {classes[1]}" if len(classes) == 2 else "log odds of each class"
    elif logs:
        unit = "the logarithm of the mean"
    elif not isinstance(_target_transformer(model), StandardScaler | None):
        unit = "the target as it was transformed"
    return f"Coefficients of the features as the earlier steps make them, for {unit}"


def _outputs(model, n):
    if n == 1:
        return ["coefficient"]
    return [str(one) for one in getattr(model, "classes_", [f"target {i}" for i in range(n)])]


def _check_plot(path: Path) -> None:
    check_writable("--plot", path, (".png", ".svg", ".pdf"))
    if find_spec("matplotlib") is None:
        raise UserError(f"--plot {path} needs matplotlib: pip install matplotlib")


def draw(found: Importances, path: Path) -> None:
    """Bars, the largest on top; of several outputs beside each other."""
    from matplotlib.figure import Figure

    from skreg.plotting._canvas import COLORS

    n = min(len(found.names), _SHOWN)
    k = found.values.shape[1]
    figure = Figure(figsize=(7, 1.2 + 0.28 * max(n, 1) * max(1, k / 2)), layout="constrained")
    axes, places, height = figure.subplots(), np.arange(n), 0.8 / k
    for j, output in enumerate(found.outputs):
        spread: Any = None if found.spread is None else found.spread[:n]
        axes.barh(places + (j - (k - 1) / 2) * height, found.values[:n, j], height, xerr=spread,
                  color=COLORS[j % len(COLORS)], label=output)  # fmt: skip
    axes.set_yticks(places, found.names[:n])
    axes.invert_yaxis()
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_xlabel(found.outputs[0] if k == 1 else "coefficient")
    axes.grid(axis="x", alpha=0.3)
    if k > 1:
        axes.legend()
    try:
        figure.savefig(path, dpi=150)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}") from None
