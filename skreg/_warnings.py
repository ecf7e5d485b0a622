"""Warnings in the name of the line that the user wrote."""

import sys
import warnings

# Packages whose frames stand between that line and what warns.
_BETWEEN = frozenset({"skreg", "sklearn", "joblib", "contextlib", "functools"})


def warn_user(message: str | Warning, category: type[Warning] | None = None) -> None:
    """Warn of the innermost line that belongs neither to this package nor to what it runs under.

    A number of frames that the caller counts is wrong as soon as a Pipeline, a search or a
    decorator stands between.

    Parameters
    ----------
    message : str or Warning
    category : type of Warning, default=None
        As for `warnings.warn`.
    """
    depth = 1
    frame = sys._getframe(depth)
    while _package(frame) in _BETWEEN and frame.f_back is not None:
        frame, depth = frame.f_back, depth + 1
    warnings.warn(message, category, stacklevel=depth + 1)


def _package(frame):
    return frame.f_globals.get("__name__", "").partition(".")[0]
