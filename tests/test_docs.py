"""README and docs: their Python runs, and the architecture page matches the tree."""

import re
from pathlib import Path

import pytest

import skreg

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def snippets(page):
    return re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)


@pytest.mark.parametrize("page", [page for page in PAGES if snippets(page)], ids=lambda p: p.name)
def test_snippets_run_in_the_order_of_the_page(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace = {}
    for snippet in snippets(page):
        exec(compile(snippet, str(page), "exec"), namespace)
    assert namespace.keys() > {"__builtins__"}


def test_readme_has_snippets():
    assert snippets(ROOT / "README.md")


def test_architecture_page_names_every_room_and_no_other():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = {path.rstrip("/") for path in re.findall(r"`((?:skreg|tests|benchmarks)/[^`]*)`", text)}
    assert [path for path in named if not (ROOT / path).exists()] == []
    package = ROOT / "skreg"
    rooms = {f"skreg/{path.parent.name}" for path in package.glob("*/__init__.py")}
    rooms |= {f"skreg/{path.name}" for path in package.glob("*.py") if path.name != "__init__.py"}
    assert rooms <= named


def test_readme_names_every_public_name():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in skreg.__all__ if name not in text] == []
