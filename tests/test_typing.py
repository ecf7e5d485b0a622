"""Types: README and docs type-check, and what users see has the types that it should."""

import importlib
import inspect
import re
from functools import cached_property
from pathlib import Path

import pytest
from mypy import api

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

SEEN = """
import numpy as np
from skreg import PathSearchCV, QuadraticApproxLasso

model = QuadraticApproxLasso()
search = PathSearchCV(model, [1.0, 0.1], refit="r2", cv="loo")
PathSearchCV(model, "auto", error_score="raise")
PathSearchCV(model, np.geomspace(1, 1e-3, 5), scoring=["r2"], param_grid={"l1_ratio": [0.5]})
reveal_type(search.path_)
reveal_type(search.path_.coefs)
reveal_type(search.alphas_)
reveal_type(search.best_score_)
PathSearchCV(model, None)  # line 13
PathSearchCV(model, resource="rows")  # line 14
search.path_.coefz  # line 15
"""


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    """What mypy says of the snippets of every page, and of `SEEN`: by the name of the file."""
    folder = tmp_path_factory.mktemp("snippets")
    for page in PAGES:
        found = re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)
        if found:
            (folder / f"page_{page.stem.replace('-', '_')}.py").write_text("\n".join(found))
    (folder / "seen.py").write_text(SEEN)
    settings = folder / "mypy.ini"
    settings.write_text(f"[mypy]\nmypy_path = {ROOT}\nignore_missing_imports = True\n")
    arguments = ["--check-untyped-defs", "--allow-redefinition", "--follow-imports=silent"]
    cache = tmp_path_factory.mktemp("cache")
    out, err, _ = api.run(
        [*arguments, f"--config-file={settings}", f"--cache-dir={cache}", str(folder)]
    )
    assert err == ""
    return [line.rpartition("/")[2] for line in out.splitlines()]


def test_snippets_of_readme_and_docs(checked):
    assert [line for line in checked if line.startswith("page_") and ": error:" in line] == []
    assert any(line.startswith("seen.py") for line in checked)


def test_attributes_have_their_types(checked):
    seen = [line for line in checked if "Revealed type" in line]
    kinds = ["RegularizationPath", "ndarray", "ndarray", "float"]
    assert len(seen) == len(kinds)
    assert all(kind in line for kind, line in zip(kinds, seen, strict=True)), seen


def test_mistakes_are_seen_and_nothing_else(checked):
    errors = {line.partition(": ")[0] for line in checked if re.match(r"seen.*: error:", line)}
    assert errors == {"seen.py:13", "seen.py:14", "seen.py:15"}


PUBLIC = [
    "skreg", "skreg.datasets", "skreg.export", "skreg.files", "skreg.losses",
    "skreg.model_selection", "skreg.model_selection.criteria", "skreg.path", "skreg.penalties",
    "skreg.plotting", "skreg.preprocessing", "skreg.quadratic", "skreg.rows", "skreg.solvers",
]  # fmt: skip


def functions_of(cls):
    """Methods and properties that a class has from this package, without what wraps them."""
    for name in dir(cls):
        member = inspect.getattr_static(cls, name)
        if isinstance(member, property):
            member = member.fget
        elif isinstance(member, classmethod | staticmethod):
            member = member.__func__
        elif isinstance(member, cached_property):
            member = member.func
        if inspect.isfunction(member) and (name == "__init__" or not name.startswith("_")):
            yield inspect.unwrap(member)


@pytest.mark.parametrize("module", PUBLIC)
def test_public_signatures_are_annotated(module):
    found, bare = 0, []
    for name in importlib.import_module(module).__all__:
        entry = getattr(importlib.import_module(module), name)
        for function in functions_of(entry) if inspect.isclass(entry) else [entry]:
            if not inspect.isfunction(function) or not function.__module__.startswith("skreg"):
                continue
            found, signature = found + 1, inspect.signature(function)
            of = [p for p in signature.parameters.values() if p.name not in ("self", "cls")]
            given = [*(p.annotation for p in of), signature.return_annotation]
            if inspect.Parameter.empty in (
                given if function.__name__ != "__init__" else given[:-1]
            ):
                bare.append(f"{function.__module__}.{function.__qualname__}")
    assert found
    assert bare == []
