"""Sources that docstrings and pages name by author and year are in the bibliography."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGES = [*(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "guide").glob("*.md")]
TUTORIALS = [*(ROOT / "docs" / "analyses").glob("*.py"), *(ROOT / "docs" / "examples").glob("*.py")]
SOURCES = [*(ROOT / "skreg").rglob("*.py"), *(ROOT / "skreg").rglob("*.p[yx][xd]")]

NAME = r"[A-ZÀ-Ž][\w’'-]{2,}"
#: "Zou & Hastie (2005)", "Zou, Hastie & Tibshirani, 2007", "Rad et al., 2020".
CITATION = re.compile(
    rf"({NAME}(?:(?:, | & | and |, & )(?:[A-Z]\. )*{NAME})*)(?: et al\.)?,? \(?(1[89]\d\d|20\d\d)\b"
)
#: Words before a year that name nobody.
NOBODY = {"MNIST", "Python", "Okt", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep"}


def entries():
    text = (ROOT / "docs" / "bibliography.md").read_text(encoding="utf-8")
    found = {}
    for authors, year in re.findall(r"^- (.*?) \((\d{4})\)\.", text, re.M):
        found.setdefault(year, set()).update(re.findall(NAME, authors))
    return found


def test_every_source_is_in_the_bibliography():
    known, missing = entries(), set()
    for path in (*PAGES, *TUTORIALS, *SOURCES):
        for names, year in CITATION.findall(path.read_text(encoding="utf-8")):
            cited = set(re.findall(NAME, names)) - NOBODY
            if cited and not cited & known.get(year, set()):
                missing.add((str(path.relative_to(ROOT)), names, year))
    assert sorted(missing) == []


def test_the_pattern_finds_what_is_written():
    text = "as shown (Zou, Hastie & Tibshirani, 2007); J. Friedman (1991); Rad et al., 2020"
    years = [year for _, year in CITATION.findall(text)]
    assert years == ["2007", "1991", "2020"]
