"""Models in files: a public, versioned format that runs no code."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import sklearn
from sklearn.exceptions import InconsistentVersionWarning

from skreg._atomic import replacing
from skreg._version import __version__
from skreg._warnings import warn_user
from skreg.files.archive import Archive, CannotBeSavedError, DamagedFileError, write
from skreg.files.values import FAULTS, Reader, Writer

__all__ = ["CannotBeSavedError", "DamagedFileError", "load", "save"]


def save(model: Any, path: str | os.PathLike | BinaryIO) -> None:
    """Save a model in a file that this and every later version loads, and that runs no code.

    The file is a ZIP archive of one JSON text and arrays in NumPy's format. It holds parameters and
    fitted attributes under public names, and no rows that the model was fitted to: what is worked
    out from these, such as ``quadratic_`` of a loss that is no square, is not there after loading.
    It takes the place of a file of the same name when it is whole, and not before.

    Parameters
    ----------
    model : object
        An estimator of this package, a `PathSearchCV`, a `RegularizationPath` or `NetworkPath`,
        `Moments` or a `QuadraticModel`; a Pipeline, a ColumnTransformer, a
        TransformedTargetRegressor or another public estimator of scikit-learn's that holds such
        and transformers.
    path : str, path-like or binary file
        By custom it ends in ``.skreg``.

    Raises
    ------
    CannotBeSavedError
        A `TypeError` that names what in the model has no place in the format, and the remedy:
        functions, classes of other packages, trees, transformers that keep rows, a `QuadraticModel`
        that refers to rows.
    OSError
        If the file cannot be written.

    See Also
    --------
    load : What reads the file.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> import skreg
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = make_pipeline(StandardScaler(), skreg.QuadraticApproxLasso(1.0)).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     skreg.save(model, Path(folder) / "diabetes.skreg")
    ...     again = skreg.load(Path(folder) / "diabetes.skreg")
    >>> bool((again.predict(X) == model.predict(X)).all())
    True
    """
    _check_path(path, "write")
    writer = Writer()
    versions = {"skreg": __version__, "scikit-learn": sklearn.__version__,
                "numpy": np.__version__, "python": platform.python_version()}  # fmt: skip
    head = {"versions": versions, "object": writer.write(model, type(model).__name__)}
    if not isinstance(path, str | os.PathLike):
        return write(path, head, writer.arrays)
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder: name the file in it.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {path.parent}: make it first.")
    with replacing(path) as file:
        write(file, head, writer.arrays)


def load(path: str | os.PathLike | BinaryIO) -> Any:
    """Load a model that `save` wrote.

    Nothing in the file is run, and no other names than those of this package and of public
    estimators of scikit-learn are looked up, so that a file from anywhere can be tried. Predictions
    are the same to the bit on the same machine with the same versions of NumPy and scikit-learn.

    Parameters
    ----------
    path : str, path-like or binary file

    Returns
    -------
    object

    Raises
    ------
    DamagedFileError
        A `ValueError`: if the file is something else, is cut or changed, was written by a later
        version in a layout of its own, or names what files do not hold.

    Warns
    -----
    InconsistentVersionWarning
        If steps of scikit-learn's were saved with another version of it.
    """
    _check_path(path, "read")
    if isinstance(path, str | os.PathLike):
        with open(path, "rb") as file:
            model, foreign, versions = _read(file, path)
    else:
        model, foreign, versions = _read(path, getattr(path, "name", "the file"))
    _warn_of_versions(versions.get("scikit-learn"), foreign)
    return model


def _check_path(path: Any, method: str) -> None:
    if not (isinstance(path, str | os.PathLike) or hasattr(path, method)):
        raise ValueError(f"path must be that of a file, or a binary file, got {path!r}.")


def _read(file: BinaryIO, name: Any) -> tuple[Any, set[str], dict[str, Any]]:
    """The model, the names of scikit-learn's in it, and the versions that wrote it."""
    try:
        archive = Archive(file)
        reader = Reader(archive)
        return reader.read(archive.head["object"]), reader.foreign, archive.head["versions"]
    except DamagedFileError as error:
        raise DamagedFileError(f"{name} cannot be loaded: {error}.") from None
    except FAULTS as error:
        raise DamagedFileError(
            f"{name} cannot be loaded: it is no model that skreg.save wrote, or needs what is not "
            f"here ({type(error).__name__}: {error})."
        ) from error


def _warn_of_versions(saved_by: Any, foreign: set[str]) -> None:
    """Attributes of scikit-learn's estimators are its own, and may mean something else by now."""
    if foreign and saved_by != sklearn.__version__:
        told = InconsistentVersionWarning(
            estimator_name=", ".join(sorted(name.rpartition(".")[2] for name in foreign)),
            current_sklearn_version=sklearn.__version__,
            original_sklearn_version=str(saved_by),
        )
        warn_user(told)
