"""The main job from the shell: tune λ on the bundled digits or on a table of one's own.

The functions of the Pipelines that it saves are public by the name of this package.
"""

from importlib import import_module
from typing import Any

from skreg.cli.app import main

__all__ = ["main"]

_STEPS = {
    "as_numbers": "preprocessing",
    "as_text": "preprocessing",
    "date_features": "dates",
    "date_names": "dates",
    "level_name": "preprocessing",
}


def __getattr__(name: str) -> Any:
    if name in _STEPS:
        return getattr(import_module(f"{__name__}.{_STEPS[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
