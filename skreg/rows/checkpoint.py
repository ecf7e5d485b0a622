"""Sums over chunks that survive their process: written now and then, and taken up again."""

from __future__ import annotations

import json
import os
import time
import zipfile
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from skreg.rows.missing import MissingMoments
from skreg.rows.moments import Moments

#: Seconds from one writing to the next.
EVERY = 30.0


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
                sums = {
                    fold: _read(file, k, about["names"]) for k, fold in enumerate(about["folds"])
                }
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
        names = next((_moments(part).feature_names for part in sums.values()), None)
        about = {
            "request": self._request, "n_chunks": n_chunks, "folds": list(sums), "names": names,
        }  # fmt: skip
        arrays = {"about": np.array(json.dumps(about))}
        for k, part in enumerate(sums.values()):
            arrays |= {f"{k}/{name}": value for name, value in _arrays(part).items()}
        scratch = self.path.with_name(self.path.name + ".part")
        with open(scratch, "wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
        os.replace(scratch, self.path)
        self._written = time.monotonic()

    def done(self) -> None:
        """All chunks are summed: the file is not needed any more."""
        self.path.unlink(missing_ok=True)


def _moments(part: Moments | MissingMoments) -> Moments:
    return part.moments if isinstance(part, MissingMoments) else part


def _arrays(part: Moments | MissingMoments) -> dict[str, Any]:
    found = {k: np.asarray(v) for k, v in vars(_moments(part)).items() if k != "feature_names"}
    if isinstance(part, MissingMoments):
        found |= {"columns": part.columns, "stand_in": part.stand_in}
    return found


def _read(file: Any, k: int, names: list[str] | None) -> Moments | MissingMoments:
    known = {field.name: file[f"{k}/{field.name}"] for field in fields(Moments)[:-1]}
    known |= {"weight": float(known["weight"]), "n_rows": int(known["n_rows"])}
    moments = Moments(**known, feature_names=None if names is None else tuple(names))
    if f"{k}/columns" not in file:
        return moments
    return MissingMoments(moments, file[f"{k}/columns"], file[f"{k}/stand_in"])
