"""Sphinx: the user guide, the gallery and the reference."""

import re
import tomllib
from pathlib import Path

project = "skreg"
author = "The skreg developers"
copyright = "The skreg developers, BSD-3-Clause"
_project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]
release = version = _project["version"]

extensions = [
    "matplotlib.sphinxext.plot_directive",
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "sphinx-mathjax-offline",
]
root_doc = "index"
templates_path = ["_templates"]
exclude_patterns = ["_build", "_templates", "examples"]

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "fieldlist"]
myst_heading_anchors = 3

default_role = "py:obj"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
numpydoc_xref_param_type = False
autosummary_generate = True
autodoc_typehints = "none"

plot_include_source = True
plot_html_show_source_link = False
plot_html_show_formats = False
plot_formats = [("png", 110)]
plot_rcparams = {"figure.constrained_layout.use": True}
plot_apply_rcparams = True

sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "gallery",
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
        "coming-from",
        "command-line",
        "extending",
        "install",
        "playground",
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
    """Docstrings are written for the terminal: |θ| is no substitution, coef_ no link."""
    is_code = False
    for i, line in enumerate(lines):
        if line.lstrip().startswith((">>>", "...", "..", ":")):
            is_code = line.lstrip().startswith((">>>", "..."))
            continue
        is_code = is_code and bool(line.strip())
        if is_code:
            continue
        parts = re.split(r"(``.*?``|`.*?`)", line)
        parts[::2] = [
            re.sub(r"(?<=\w)_(?!\w)", r"\_", part.replace("|", r"\|")) for part in parts[::2]
        ]
        lines[i] = "".join(parts)


def setup(app):
    app.connect("autodoc-process-docstring", _escape, priority=900)
