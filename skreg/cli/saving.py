"""Saving a fitted model, and telling how to use it."""

from importlib.util import find_spec

import joblib

from skreg._atomic import replacing
from skreg.cli.errors import UserError
from skreg.cli.files import check_writable
from skreg.files import save


def check_save_path(path):
    """Check that a model can be saved there, before any work is done.

    Raises
    ------
    UserError
        For an unknown suffix, skops not installed, a missing folder or a directory.
    """
    if path is None:
        return
    check_writable("--save", path, (".skreg", ".joblib", ".skops"))
    if path.suffix == ".skops" and find_spec("skops") is None:
        raise UserError(f"--save {path} needs skops: pip install skops, or save as .skreg")


def save_model(model, path, example):
    """Save a fitted model; a model that was there is replaced once the new one is whole.

    Parameters
    ----------
    model : fitted estimator
    path : Path
        Ends in .skreg, .joblib or .skops.
    example : str
        Python expression for rows to predict.

    Returns
    -------
    str
        What to type to load the model and predict.

    Raises
    ------
    UserError
        If the file cannot be written.
    """
    try:
        with replacing(path) as file:
            if path.suffix == ".skreg":
                save(model, file)
            elif path.suffix == ".joblib":
                joblib.dump(model, file)
            else:
                from skops import io

                io.dump(model, file)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}") from None
    name = str(path)
    if path.suffix == ".skreg":
        lines = ["import skreg", f"model = skreg.load({name!r})"]
    elif path.suffix == ".joblib":
        lines = ["import joblib", f"model = joblib.load({name!r})  # a file you trust"]
    else:
        # skops asks which types beyond scikit-learn's own a file may create.
        names = "".join(f"    {t!r},\n" for t in io.get_untrusted_types(file=path))
        lines = ["import skops.io", f"model = skops.io.load({name!r}, trusted=[\n{names}])"]
    if "pd." in example:
        lines.insert(0, "import pandas as pd")
    return "\n".join([*lines, f"model.predict({example})"])
