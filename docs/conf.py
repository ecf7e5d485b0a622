"""Sphinx: the user guide, the gallery and the reference."""

import re
import sys
from pathlib import Path

from sphinx.addnodes import desc_signature

# The module beside this file, and the benchmarks, whose results some pages of the gallery show.
sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(1, str(Path(__file__).parent.parent))

from inventories import classes, mapping

from skreg import __version__

HERE = Path(__file__).parent

project = "skreg"
author = "The skreg developers"
copyright = "The skreg developers, BSD-3-Clause"
release = version = __version__

extensions = [
    "matplotlib.sphinxext.plot_directive",
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "sphinx-mathjax-offline",
]
root_doc = "index"
templates_path = ["_templates"]
exclude_patterns = ["_build", "_templates", "analyses", "examples"]

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "fieldlist"]
myst_heading_anchors = 3

default_role = "py:obj"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
numpydoc_xref_param_type = False
autosummary_generate = True
autodoc_typehints = "none"

# Inventories of the sites where there is a network, else of the packages that are installed.
intersphinx_mapping = mapping(HERE / "_build" / "inventories")
intersphinx_timeout = 5

plot_include_source = True
plot_html_show_source_link = False
plot_html_show_formats = False
plot_formats = [("png", 110)]
plot_rcparams = {"figure.constrained_layout.use": True}
plot_apply_rcparams = True

sphinx_gallery_conf = {
    "examples_dirs": ["analyses", "examples"],
    "gallery_dirs": ["tutorials", "gallery"],
    "within_subsection_order": "FileNameSortKey",
    "filename_pattern": r"plot_",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_memory": False,
    "plot_gallery": True,
    "doc_module": ("skreg",),
    "backreferences_dir": "gallery/backreferences",
}

html_theme = "pydata_sphinx_theme"
html_title = "skreg"
html_show_sourcelink = False
html_static_path = ["_static"]
html_css_files = ["phone.css"]
# Pages without pages below them have nothing to navigate to at their side.
html_sidebars = {
    page: []
    for page in (
        "architecture",
        "benchmarks",
        "bibliography",
        "changelog",
        "citing",
        "coming-from",
        "command-line",
        "extending",
        "install",
        "missing-values",
        "playground",
        "save-model",
        "which-estimator",
    )
}
html_theme_options = {
    "navigation_with_keys": False,
    "show_nav_level": 2,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}

linkcheck_timeout = 20


def _escape(app, what, name, obj, options, lines):
    """Docstrings are written for the terminal: |θ| is no substitution, coef_ no link.

    Those inherited from scikit-learn cite its glossary and its guide, which are words here. Its
    classes, and arrays and frames, are links where they are named.
    """
    is_code = False
    for i, line in enumerate(lines):
        line = re.sub(r":(?:term|ref):`([^`<]+?)(?: <[^`]*>)?`", r"\1", line)
        if line.lstrip().startswith((">>>", "...", "..", ":")):
            is_code = line.lstrip().startswith((">>>", "..."))
            continue
        is_code = is_code and bool(line.strip())
        if is_code:
            continue
        parts = re.split(r"(``.*?``|:\w+:`.*?`|`.*?`)", line)
        parts[::2] = [_plain(part) for part in parts[::2]]
        parts[1::2] = [_linked(part[1:-1]) or part for part in parts[1::2]]
        lines[i] = "".join(parts)


def _plain(text):
    text = re.sub(r"(?<=\w)_(?!\w)", r"\_", text.replace("|", r"\|"))
    names = r"(?<![\w.])(?:(?:pandas|numpy|np)\.)?(ndarray|DataFrame|RandomState)(?!\w|\.\w)"
    return re.sub(names, lambda name: _linked(name[1]), text)


def _linked(name):
    return f":obj:`{name} <{classes()[name]}>`" if name in classes() else ""


def _point_at_definitions(app, doctree):
    """An inherited method's [source] is in the class that defines it, not in its heir."""
    for signature in doctree.findall(desc_signature):
        owner, _, name = signature.get("fullname", "").rpartition(".")
        heir = getattr(sys.modules.get(signature.get("module")), owner, None) if owner else None
        for parent in getattr(heir, "__mro__", ())[1:]:
            if name not in vars(heir) and name in vars(parent):
                if parent.__module__.startswith("skreg"):
                    signature["module"] = parent.__module__
                    signature["fullname"] = f"{parent.__qualname__}.{name}"
                break


def setup(app):
    app.connect("autodoc-process-docstring", _escape, priority=900)
    app.connect("doctree-read", _point_at_definitions, priority=100)
