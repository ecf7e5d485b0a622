"""Sums over chunks that survive their process: written now and then, and taken up again."""

from __future__ import annotations

import json
import time
import zipfile
from dataclasses import fields
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from skreg._atomic import replacing
from skreg.rows.missing import MissingMoments
from skreg.rows.moment_sum import MomentSum
from skreg.rows.moments import Moments

#: Seconds from one writing to the next.
EVERY = 30.0


def path_given(path: Any) -> Any:
    """The same path or None; ValueError for anything else."""
    if not isinstance(path, str | PathLike | None):
        raise ValueError(f"checkpoint must be the path of a file or None, got {path!r}.")
    return path


class Checkpoint:
    """A file with the sums of the chunks so far.

    Parameters
    ----------
    path : path-like
        Of the file, which is written under another name and then renamed, so that it is whole at
        any time.
    request : dict
        What the sums are of, in JSON's types: sums of another request are not taken up.
    """

    def __init__(self, path: Any, request: dict[str, Any]) -> None:
        self.path = Path(path)
        self._request = json.loads(json.dumps(request, default=str))
        self._written = time.monotonic()

    def load(self) -> tuple[int, dict[Any, Any]]:
        """How many chunks are done, and their sums by fold; 0 and none without a file.

        Raises
        ------
        ValueError
            If the file is no such file, or that of another request.
        """
        if not self.path.parent.is_dir():
            raise ValueError(
                f"checkpoint={str(self.path)!r} lies in no folder that exists. Make it first."
            )
        if not self.path.exists():
            return 0, {}
        try:
            with np.load(self.path, allow_pickle=False) as file:
                about = json.loads(str(file["about"]))
                sums = {fold: _read(file, f"{k}/") for k, fold in enumerate(about["folds"])}
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise ValueError(
                f"checkpoint {self.path} cannot be read: {error}. Remove it to begin anew."
            ) from error
        if about["request"] != self._request:
            raise ValueError(
                f"checkpoint {self.path} belongs to other columns, folds or settings. Remove it to "
                "begin anew, or name another file."
            )
        return about["n_chunks"], sums

    def note(self, n_chunks: int, sums: dict[Any, Any]) -> None:
        """So many chunks are done: write that, unless it was done a moment ago."""
        if time.monotonic() - self._written < EVERY:
            return
        about = {"request": self._request, "n_chunks": n_chunks, "folds": list(sums)}
        arrays = {"about": np.array(json.dumps(about))}
        for k, part in enumerate(sums.values()):
            arrays |= {f"{k}/{name}": value for name, value in _arrays(part).items()}
        with replacing(self.path) as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
        self._written = time.monotonic()

    def done(self) -> None:
        """All chunks are summed: the file is not needed any more."""
        self.path.unlink(missing_ok=True)


def _arrays(part: MomentSum | MissingMoments) -> dict[str, Any]:
    """What a sum is, as arrays by name; what it has not yet is left out."""
    found = {} if part.moments is None else dict(vars(part.moments))
    own = {k: v for k, v in vars(part).items() if k != "moments"}
    return {k: np.asarray(v) for k, v in (found | own).items() if v is not None}


def _read(file: Any, prefix: str) -> MomentSum | MissingMoments:
    found = {name.removeprefix(prefix): file[name] for name in file if name.startswith(prefix)}
    parts: dict[str, Any] = {f.name: found.pop(f.name) for f in fields(Moments) if f.name in found}
    if parts:
        parts |= {"weight": float(parts["weight"]), "n_rows": int(parts["n_rows"])}
    moments: Any = Moments(**parts) if parts else None
    if "stand_in" in found:
        return MissingMoments(moments, **found)
    counts = {name: int(found[name]) for name in ("count", "n_features")}
    return MomentSum(moments, found.get("origin"), found.get("gram"), **counts)
