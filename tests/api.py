"""The public names, their signatures and fitted attributes, as ``tests/api.txt`` holds them.

``python tests/api.py`` writes the file again: in a change that means to change what users see.
"""

import importlib
import inspect
import sys
import warnings
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from stored_cases import CASES, made  # noqa: E402

FILE = HERE / "api.txt"
MODULES = (
    "skreg",
    "skreg.datasets",
    "skreg.export",
    "skreg.files",
    "skreg.losses",
    "skreg.model_selection",
    "skreg.path",
    "skreg.penalties",
    "skreg.plotting",
    "skreg.preprocessing",
)


def signature(function):
    """Names, kinds and defaults of the parameters, without types."""
    found = inspect.signature(function)
    parameters = [one.replace(annotation=one.empty) for one in found.parameters.values()]
    return str(found.replace(parameters=parameters, return_annotation=found.empty))


def methods(kind):
    """Public methods that the package defines, and how they are called."""
    bases = [base for base in kind.__mro__ if base.__module__.partition(".")[0] == "skreg"]
    names = {name for base in bases for name in vars(base) if not name.startswith("_")}
    for name in sorted(names):
        found = inspect.getattr_static(kind, name)
        function = getattr(kind, name, None)
        if isinstance(found, property) or not callable(function) or isinstance(function, type):
            continue
        if not (name.startswith("set_") and name.endswith("_request")):  # scikit-learn's
            yield f"    .{name}{signature(function)}"


def fitted(kind, models):
    """Attributes that end with an underscore, of any of these models or worked out when asked."""
    found = {name for model in models if type(model) is kind for name in vars(model)}
    found |= {name for base in kind.__mro__ for name, one in vars(base).items()
              if isinstance(one, property) and base.__module__.startswith("skreg")}  # fmt: skip
    names = sorted(n for n in found if n.endswith("_") and not n.startswith("_"))
    return [f"    {name}" for name in names]


def text():
    """What the file should hold."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        models = [made(name) for name in CASES]
    models += [step for model in models for _, step in getattr(model, "steps", ())]
    lines = ["# Public names. `python tests/api.py` writes this file again."]
    for module in MODULES:
        package = importlib.import_module(module)
        lines += ["", f"[{module}]"]
        for name in sorted(package.__all__):
            one = getattr(package, name)
            if isinstance(one, type) and issubclass(one, Exception):
                lines.append(f"{name}: {', '.join(base.__name__ for base in one.__bases__)}")
            elif isinstance(one, type):
                lines += [f"{name}{signature(one)}", *methods(one), *fitted(one, models)]
            elif inspect.isroutine(one):
                lines.append(f"{name}{signature(one)}")
            else:
                lines.append(name)
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
    print(FILE)
