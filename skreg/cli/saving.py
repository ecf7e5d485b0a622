"""Saving a fitted model, and telling how to use it."""

import glob
import os
import time
from contextlib import contextmanager, suppress
from importlib.util import find_spec

import joblib

from skreg.cli.errors import UserError

# Seconds without a byte after which a file of a process that is gone counts as left over.
_QUIET = 10.0


def check_save_path(path):
    """Check that a model can be saved there, before any work is done.

    Raises
    ------
    UserError
        For an unknown suffix, skops not installed, a missing folder or a directory.
    """
    if path is None:
        return
    if path.suffix not in (".joblib", ".skops"):
        raise UserError(f"--save {path}: the name must end in .joblib or .skops")
    if path.suffix == ".skops" and find_spec("skops") is None:
        raise UserError(f"--save {path} needs skops: pip install skops, or save as .joblib")
    if path.is_dir():
        raise UserError(f"--save {path} is a directory")
    if not path.parent.is_dir():
        raise UserError(f"--save {path}: there is no folder {path.parent}")
    if not os.access(path.parent, os.W_OK):
        raise UserError(f"--save {path}: the folder {path.parent} is not writable")


def save_model(model, path, example):
    """Save a fitted model; a model that was there is replaced once the new one is whole.

    Parameters
    ----------
    model : fitted estimator
    path : Path
        Ends in .joblib or .skops.
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
        with _replacing(path) as file:
            if path.suffix == ".joblib":
                joblib.dump(model, file)
            else:
                from skops import io

                io.dump(model, file)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}") from None
    name = str(path)
    if path.suffix == ".joblib":
        lines = ["import joblib", f"model = joblib.load({name!r})  # a file you trust"]
    else:
        # skops asks which types beyond scikit-learn's own a file may create.
        names = "".join(f"    {t!r},\n" for t in io.get_untrusted_types(file=path))
        lines = ["import skops.io", f"model = skops.io.load({name!r}, trusted=[\n{names}])"]
    if "pd." in example:
        lines.insert(0, "import pandas as pd")
    return "\n".join([*lines, f"model.predict({example})"])


@contextmanager
def _replacing(path):
    """A new file beside ``path`` that takes its place when it is written and on the disk.

    Whatever happens on the way, a full disk or a killed process, ``path`` is as it was.
    """
    path = path.resolve()
    _remove_left_over(path)
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(beside, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise


def _remove_left_over(path):
    """Remove what saves of the same model that were killed have left beside it.

    Their process is gone, and nothing was written for a while: one on another machine that shares
    the folder may be at work.
    """
    for beside in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        number = beside.name.split(".")[-2]
        with suppress(OSError):
            is_quiet = time.time() - beside.stat().st_mtime > _QUIET
            if is_quiet and number.isdigit() and not _is_running(int(number)):
                beside.unlink()


def _is_running(number):
    """Whether there is a process of this number; yes where that cannot be asked."""
    if os.name != "posix":
        return True
    try:
        os.kill(number, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
