"""The built documentation: searches find their page, methods show their source, links lead out.

Usage: python .ci/check_pages.py HTML
"""

import json
import re
import sys
from pathlib import Path

import snowballstemmer

#: What a new user types, and the page that should come first.
SEARCHES = {
    "missing values": "missing-values",
    "save model": "save-model",
    "which estimator": "which-estimator",
    "install": "install",
    "cite": "citing",
    "changelog": "changelog",
}
#: Weights of Sphinx's own search: a word in a title, and one in the text.
IN_TITLE, IN_TEXT = 15, 5


def first_page(index: dict, query: str) -> str:
    """The page that the search box lists first, by the rules of Sphinx's searchtools.js."""
    stem = snowballstemmer.stemmer("english").stemWord
    scores: dict[int, float] = {}
    for title, places in index["alltitles"].items():
        if query in title.lower() and len(query) >= len(title) / 2:
            for page, anchor in places:
                score = IN_TITLE * len(query) / len(title) + (anchor is None)
                scores[page] = max(score, scores.get(page, 0))
    words = []
    for word in map(stem, query.split()):
        found: dict[int, float] = {}
        for table, weight in (("terms", IN_TEXT), ("titleterms", IN_TITLE)):
            pages = index[table].get(word, [])
            found |= dict.fromkeys([pages] if isinstance(pages, int) else pages, weight)
        words.append(found)
    for page in set.intersection(*map(set, words)):
        scores[page] = max(scores.get(page, 0), *(found[page] for found in words))
    best = max(scores, key=lambda page: (scores[page], index["titles"][page].lower()), default=None)
    return "nothing" if best is None else index["docnames"][best]


def faults(html: Path) -> list[str]:
    text = (html / "searchindex.js").read_text(encoding="utf-8")
    index = json.loads(text[text.index("{") : text.rindex("}") + 1])
    pages = {query: first_page(index, query) for query in SEARCHES}
    found = [f"search for {q!r} finds {page}" for q, page in pages.items() if page != SEARCHES[q]]
    reference = sorted((html / "api" / "_generated").glob("skreg.*.html"))
    text = "".join(path.read_text(encoding="utf-8") for path in reference)
    for name in ("PathSearchCV.fit", "PathSearchCV.to_frame", "QuadraticApproxLasso.predict"):
        signature = re.search(rf'<dt[^>]*id="skreg\.{name}".*?</dt>', text, re.S)
        if signature is None or "[source]" not in signature[0]:
            found.append(f"skreg.{name} has no [source]")
    for name in ("PathSearchCV", "QuadraticApproxLasso", "RegularizedMLPClassifier"):
        if f"Examples using {name}" not in text:
            found.append(f"no examples using {name}")
    roles = sorted(set(re.findall(r"[^\s<>]*:(?:obj|class|func|ref|term|doc):[^\s<>]*", text)))
    found += [f"the reference shows a role as text: {role}" for role in roles]
    for site in ("https://scikit-learn.org/stable/", "https://numpy.org/doc/stable/"):
        if site not in text:
            found.append(f"the reference has no link to {site}")
    return found


if __name__ == "__main__":
    wrong = faults(Path(sys.argv[1]))
    print("\n".join(wrong) or "Pages: searches, sources, examples and links are in order.")
    sys.exit(bool(wrong))
