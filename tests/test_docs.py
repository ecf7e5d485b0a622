"""README and docs: their Python runs, and the architecture page matches the tree."""

import importlib
import json
import re
from pathlib import Path

import pytest

import skreg
from skreg.losses import LOSSES, REGRESSION_LOSSES
from skreg.penalties import PENALTIES
from skreg.solvers import METHODS

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def snippets(page):
    return re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)


@pytest.fixture
def registries():
    """What a page registers is gone after it."""
    tables = [(table, table.copy()) for table in (PENALTIES, LOSSES, REGRESSION_LOSSES)]
    yield
    for table, before in tables:
        table.clear()
        table.update(before)


@pytest.mark.usefixtures("registries")
@pytest.mark.parametrize("page", [page for page in PAGES if snippets(page)], ids=lambda p: p.name)
def test_snippets_run_in_the_order_of_the_page(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace = {}
    for snippet in snippets(page):
        exec(compile(snippet, str(page), "exec"), namespace)
    assert namespace.keys() > {"__builtins__"}


@pytest.mark.parametrize("page", [*ROOT.glob("*.md"), *PAGES[1:]], ids=lambda p: p.name)
def test_links_between_files_lead_somewhere(page):
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text)]
    files = [link for link in links if link and ":" not in link]
    made = ("gallery/", "../gallery/", "api/", "../api/")  # by Sphinx, which checks them
    missing = [
        link
        for link in files
        if not link.startswith(made)
        and not any((page.parent / f"{link}{s}").exists() for s in ("", ".md"))
    ]
    assert missing == []


def test_the_first_snippet_of_readme_prints_what_is_below_it(capsys):
    exec(snippets(ROOT / "README.md")[0], {})
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert text.split("```")[3].strip() == capsys.readouterr().out.strip()


def test_architecture_page_names_every_layer_and_no_other():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = {path.rstrip("/") for path in re.findall(r"`((?:skreg|tests|benchmarks)/[^`]*)`", text)}
    assert [path for path in named if not (ROOT / path).exists()] == []
    package = ROOT / "skreg"
    layers = {f"skreg/{path.parent.name}" for path in package.glob("*/__init__.py")}
    layers |= {f"skreg/{path.name}" for path in package.glob("*.py") if path.name != "__init__.py"}
    assert layers <= named


def test_architecture_page_has_the_methods_in_their_order():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(\w+)`, in `(skreg/solvers/\w+)\.py` \|", text, re.M)
    assert listed == [(m.name, type(m).__module__.replace(".", "/")) for m in METHODS]


def test_readme_names_every_public_name():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in skreg.__all__ if name not in text] == []


def test_reference_holds_every_public_name():
    text = (ROOT / "docs" / "api" / "index.rst").read_text(encoding="utf-8")
    listed, module = {"skreg": set()}, "skreg"
    for line in text.splitlines():
        if found := re.match(r"\.\. currentmodule:: (\S+)", line):
            module = found[1]
            listed.setdefault(module, set())
        elif found := re.fullmatch(r"   (\w+)", line):
            listed[module].add(found[1])
    assert listed.keys() >= {"skreg", "skreg.path", "skreg.plotting", "skreg.datasets"}
    for module, names in listed.items():
        contents = importlib.import_module(module)
        public = set(contents.__all__)
        # Names in capitals are tables, which may be left out, unless they are classes such as L1.
        tables = {n for n in public if n.isupper() and not isinstance(getattr(contents, n), type)}
        assert names | listed["skreg"] >= public - tables, module
        assert names <= public, module


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_pictures_of_a_page_have_files_of_their_own(page):
    """Each ``eval-rst`` block counts its pictures from 1: all but one on a page need a name."""
    text = page.read_text(encoding="utf-8")
    names = re.findall(r"^\.\. plot::\n(?:   :filename-prefix: (\S+)\n)?", text, re.M)
    assert len(names) == len(set(names))


def test_speed_ratios_of_readme_are_those_measured_and_hold_the_worst():
    from benchmarks.headlines import headlines, worst
    from benchmarks.report import with_block

    text, results = (ROOT / "README.md").read_text(encoding="utf-8"), ROOT / "benchmarks/results"
    assert text == with_block(text, headlines(results)), "run: python -m benchmarks --table"
    measured = [json.loads(path.read_text()) for path in results.glob("*.json")]
    assert f"{worst(measured)[0]:.3g}×" in text


def test_readme_names_the_two_commands():
    """Each is enough by itself on a fresh machine; the continuous integration runs them."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for command in ("pip install . && python -m skreg", 'pip install ".[test]" && pytest'):
        assert f"\n    {command}\n" in text
    assert 'pip install --quiet ".[test]"' in script
    assert "pytest --durations=10" in script


def test_rates_of_the_playground_are_those_measured():
    from benchmarks.playground import OUTPUT, PAGE, table
    from benchmarks.report import with_block

    text = PAGE.read_text(encoding="utf-8")
    assert text == with_block(text, table(json.loads(OUTPUT.read_text(encoding="utf-8"))))
