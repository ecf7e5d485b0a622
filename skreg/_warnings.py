"""Warnings in the name of the line that the user wrote."""

import functools
import sys
import warnings
from collections.abc import Callable
from contextvars import ContextVar, copy_context
from typing import Any

# Packages whose frames stand between that line and what warns.
_BETWEEN = frozenset(
    {"skreg", "sklearn", "joblib", "contextlib", "functools", "concurrent", "threading"}
)
# Of a thread, the line that started it: file, number, module and registry of what was told there.
_started_by: ContextVar[tuple[str, int, str, dict] | None] = ContextVar("line", default=None)


def warn_user(message: str | Warning, category: type[Warning] = UserWarning) -> None:
    """Warn of the innermost line that belongs neither to this package nor to what it runs under.

    A number of frames that the caller counts is wrong as soon as a Pipeline, a search or a
    decorator stands between.

    Parameters
    ----------
    message : str or Warning
    category : type of Warning, default=UserWarning
        As for `warnings.warn`.
    """
    filename, line, module, registry = _line_of_user()
    warnings.warn_explicit(message, category, filename, line, module, registry)


def in_thread(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, for a thread: what it warns of names the line of the user that is here now."""
    context = copy_context()
    context.run(_started_by.set, _line_of_user())

    @functools.wraps(function)
    def call(*args: Any) -> Any:
        return context.copy().run(function, *args)  # a context is in one thread at a time

    return call


def _line_of_user() -> tuple[str, int, str, dict]:
    frame = sys._getframe(2)
    while _package(frame) in _BETWEEN and frame.f_back is not None:
        frame = frame.f_back
    if _package(frame) in _BETWEEN and (line := _started_by.get()) is not None:
        return line
    known = frame.f_globals
    registry = known.setdefault("__warningregistry__", {})
    return frame.f_code.co_filename, frame.f_lineno, known.get("__name__", "<string>"), registry


def _package(frame):
    return frame.f_globals.get("__name__", "").partition(".")[0]
