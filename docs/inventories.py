"""Names of other packages and their pages, for links from this documentation without a network.

Sphinx takes a project's own inventory where it can be reached, and otherwise the one written here
from the packages that are installed: on these sites the page of a name has its full public path
for an address.
"""

import inspect
import zlib
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

#: Root of the site, folder of the pages of single names, and modules whose public names have one.
PROJECTS = {
    "sklearn": (
        "https://scikit-learn.org/stable/",
        "modules/generated",
        "base callback compose datasets decomposition ensemble feature_selection impute inspection "
        "linear_model metrics model_selection neural_network pipeline preprocessing svm utils",
    ),
    "numpy": ("https://numpy.org/doc/stable/", "reference/generated", " linalg random"),
    "scipy": (
        "https://docs.scipy.org/doc/scipy/",
        "reference/generated",
        "optimize sparse special stats",
    ),
    "pandas": ("https://pandas.pydata.org/docs/", "reference/api", ""),
}


def mapping(folder: Path) -> dict[str, tuple[str, tuple[str | None, str]]]:
    """``intersphinx_mapping``: each site's own inventory first, then one written to ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    found = {}
    for project, (root, pages, _) in PROJECTS.items():
        path = folder / f"{project}.inv"
        path.write_bytes(_inventory(project, pages))
        found[project] = (root, (None, str(path)))
    return found


@cache
def public_names(project: str) -> dict[str, str]:
    """Full names, such as ``numpy.linalg.eigh``, and what each is: "class" or "function"."""
    modules = PROJECTS[project][2].split(" ")
    return dict(pair for module in modules for pair in _public(f"{project}.{module}".rstrip(".")))


@cache
def classes() -> dict[str, str]:
    """Full names of the classes that docstrings call by their last name: ``GridSearchCV``."""
    names = [name for name, kind in public_names("sklearn").items() if kind == "class"]
    names += ["numpy.ndarray", "numpy.random.RandomState", "pandas.DataFrame"]
    return {name.rpartition(".")[2]: name for name in names}


def _inventory(project: str, pages: str) -> bytes:
    """Sphinx's format, version 2: four lines of header, then lines that are compressed."""
    header = (
        f"# Sphinx inventory version 2\n# Project: {project}\n"
        f"# Version: {import_module(project).__version__}\n"
        "# The remainder of this file is compressed using zlib.\n"
    )
    names = public_names(project).items()
    lines = [f"{name} py:{kind} 1 {pages}/{name}.html#$ -\n" for name, kind in names]
    return header.encode() + zlib.compress("".join(lines).encode())


def _public(module: str) -> Iterator[tuple[str, str]]:
    contents = import_module(module)
    for name in getattr(contents, "__all__", dir(contents)):
        value = vars(contents).get(name)  # what is loaded on demand stays unloaded
        if inspect.isclass(value):
            yield f"{module}.{name}", "class"
        elif callable(value):
            yield f"{module}.{name}", "function"
