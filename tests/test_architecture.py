"""Rules of the house that a linter does not know. Limits only ever go down."""

import ast
import sys
import threading
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_diabetes

import skreg
from skreg import PathSearchCV, QuadraticApproxLasso

PACKAGE = Path(skreg.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))

#: Uses of another file's private names.
PRIVATE_USES = 1
#: Files of the package that fitting a lasso runs through.
FILES_OF_A_FIT = 12
#: Files of the package that fitting a search runs through.
FILES_OF_A_SEARCH = 22
#: Files above 400 lines.
LONG_FILES: set[str] = set()
#: Names that several classes of the package have.
NAMES_OF_TWO_CLASSES: set[str] = set()
#: Comparisons of a loss's or a penalty's name.
COMPARED_NAMES = 0


@cache
def tree(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def is_private(name):
    return name.startswith("_") and not name.startswith("__")


@cache
def defined(path):
    """Private names that a file defines: functions, classes, attributes, variables."""
    names = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            names.add(node.attr)
    return {name for name in names if is_private(name)}


def private_uses(path):
    """Private names of other files of the package that a file uses, with their lines."""
    ours = set().union(*map(defined, FILES))  # scikit-learn's do not count
    own, found = {"self", "cls", "super"}, []
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Attribute) and node.attr in ours - defined(path):
            base = node.value.func if isinstance(node.value, ast.Call) else node.value
            if not (isinstance(base, ast.Name) and base.id in own):
                found.append((node.lineno, node.attr))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("skreg"):
            names = [alias.name for alias in node.names if alias.name in ours]
            found += [(node.lineno, name) for name in names if name not in defined(path)]
    return found


def test_private_names_of_other_files():
    uses = {path.relative_to(PACKAGE): private_uses(path) for path in FILES}
    uses = {str(path): lines for path, lines in uses.items() if lines}
    assert sum(map(len, uses.values())) <= PRIVATE_USES, uses


def test_files_are_read_in_one_sitting():
    kernels = [
        p for p in PACKAGE.joinpath("_kernels").iterdir() if p.suffix in {".pyx", ".pxd", ".h"}
    ]
    files = [*FILES, *kernels]
    lengths = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert {name for name, n in lengths.items() if n > 400} <= LONG_FILES


def test_a_class_name_names_one_class():
    names = Counter(
        node.name for path in FILES for node in tree(path).body if isinstance(node, ast.ClassDef)
    )
    assert {name for name, n in names.items() if n > 1} <= NAMES_OF_TWO_CLASSES


def test_one_broad_except_at_most():
    broad = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}"
        for path in FILES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) == "Exception")
    ]
    assert len(broad) <= 1, broad


def test_losses_and_penalties_are_not_known_by_their_names():
    compared = []
    for path in FILES:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Compare):
                sides = [ast.unparse(side) for side in (node.left, *node.comparators)]
                if any(s.endswith(("loss.name", "penalty.name", ".loss")) for s in sides):
                    compared.append(f"{path.relative_to(PACKAGE)}:{node.lineno}")
    assert len(compared) <= COMPARED_NAMES, compared


def test_nobody_asks_whether_a_problem_is_a_quadratic_model():
    asked = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}"
        for path in FILES
        if path.name != "model.py"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) == "isinstance"
        and "QuadraticModel" in ast.unparse(node.args[1])
    ]
    assert asked == []


@pytest.fixture
def entered():
    """Files of the package in which a function is called."""
    files = set()

    def profile(frame, event, _):
        path = Path(frame.f_code.co_filename)
        if event == "call" and path.is_relative_to(PACKAGE):
            files.add(str(path.relative_to(PACKAGE)))

    before = sys.getprofile()
    threading.setprofile(profile)
    sys.setprofile(profile)
    yield files
    sys.setprofile(before)
    threading.setprofile(None)


def test_a_fit_runs_through_few_files(entered):
    lasso = QuadraticApproxLasso(0.1)
    entered.clear()
    lasso.fit(*load_diabetes(return_X_y=True))
    assert len(entered) <= FILES_OF_A_FIT, sorted(entered)


def test_a_search_runs_through_few_files(entered):
    X, y = load_diabetes(return_X_y=True)
    PathSearchCV(QuadraticApproxLasso(), np.geomspace(1, 1e-3, 20), cv=5).fit(X, y)
    assert len(entered) <= FILES_OF_A_SEARCH, sorted(entered)
