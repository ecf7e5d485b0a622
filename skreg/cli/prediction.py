"""``python -m skreg predict``: a table in, predictions out."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from skreg._atomic import replacing
from skreg.cli.errors import UserError
from skreg.cli.files import check_writable
from skreg.cli.reading import read_table
from skreg.cli.saved_model import load_model, rows_for

_SEPARATORS = {".csv": ",", ".tsv": "\t", ".txt": "\t"}


def run(options):
    """Predict every row of a file.

    Parameters
    ----------
    options : PredictOptions

    Raises
    ------
    UserError
        If a file cannot be read or written, or its columns are not those of the model.
    """
    if options.output is not None:
        check_writable("--output", options.output, (*_SEPARATORS, ".parquet"))
    model = load_model(options.model)
    if options.proba and not hasattr(model, "predict_proba"):
        raise UserError(f"--proba: {options.model} predicts numbers, which have no probabilities")
    table = read_table(options.data, separator=options.separator)
    rows = rows_for(model, table.frame, str(options.data))
    if not options.quiet:
        for note in (*table.notes, *rows.notes):
            print(f"Note: {note}", file=sys.stderr)
    _write(predicted(model, rows.X, options.proba), options.output)


def predicted(model, X, with_probabilities):
    """A row of predictions for each row of X.

    Returns
    -------
    DataFrame
        ``prediction``, of several targets ``prediction_0, …``, and ``P(class)`` for each class.
    """
    try:
        found = np.asarray(model.predict(X))
        probabilities = model.predict_proba(X) if with_probabilities else None
    except ValueError as error:
        raise UserError(f"the model refuses these rows: {str(error).splitlines()[0]}") from None
    if found.ndim == 1:
        frame = pd.DataFrame({"prediction": found})
    else:
        frame = pd.DataFrame(found, columns=[f"prediction_{i}" for i in range(found.shape[1])])
    if probabilities is not None:
        names = [f"P({one})" for one in model.classes_]
        frame[names] = np.asarray(probabilities)
    return frame


def _write(frame: pd.DataFrame, path: Path | None) -> None:
    if path is None:
        print(frame.to_csv(index=False, lineterminator="\n"), end="")
        return
    try:
        with replacing(path) as file:
            if path.suffix == ".parquet":
                frame.to_parquet(file, index=False)
            else:
                frame.to_csv(file, sep=_SEPARATORS[path.suffix], index=False, lineterminator="\n")
    except ImportError:
        raise UserError(f"--output {path} needs pyarrow (pip install pyarrow), or .csv") from None
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}") from None
