"""One spelling, American as scikit-learn's, in pages, docstrings, comments, messages and names."""

import io
import re
import tokenize
from pathlib import Path

ROOT = Path(__file__).parent.parent
STEMS = (
    r"analys(?=e|ing)|behaviour|binaris|calibre|cancell(?=ed|ing)|catalogue|centre|centring|"
    r"characteris|colour|customis|defence|diagonalis|discretis|emphasis(?=e|ing)|endeavour|"
    r"equalis|factoris|favour|finalis|flavour|fulfil\b|generalis|grey|honour|initialis|"
    r"judgement|labell(?=ed|ing)|learnt|levell|licence|linearis|localis|marshall(?=ed|ing)|"
    r"materialis|maximis|memoris|metre\b|minimis|modell(?=ed|ing)|neighbour|normalis|optimis|"
    r"organis|orthogonalis|parametris|penalis|practis(?=e|ing)|prioritis|programme\b|quantis|"
    r"randomis|recognis|regularis|rumour|serialis|signall|skilful|specialis|spelt|stabilis|"
    r"standardis|summaris|symmetris|synchronis|theatre|tokenis|totall(?=ed|ing)|towards|"
    r"travell(?=ed|ing)|unravell|utilis|vectoris|visualis|whilst"
)
BRITISH = re.compile(rf"[a-z_]*(?:{STEMS})[a-z_]*", re.IGNORECASE)
#: American words, and names of others, that hold a stem.
INNOCENT = {"characteristic", "characteristics", "labelledby", "realistic", "programmed"}
INNOCENT |= {"optimistix", "optimistic", "analyses", "generalist", "specialist"}
#: Not prose of this project.
APART = ("tests/cli/tables/", "tests/test_prose.py")


def files():
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "docs").rglob("*.rst")]
    code = [p for part in ("docs", "skreg", "tests") for p in (ROOT / part).rglob("*.py")]
    made = ("_build", "_generated", "gallery", "tutorials")
    return sorted(
        path
        for path in (*pages, *code)
        if not path.relative_to(ROOT).as_posix().startswith(APART)
        and not set(made) & set(path.relative_to(ROOT).parts)
    )


def prose(path):
    """Numbered pieces of a file: lines of a page; comments, strings and names of Python."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        return list(enumerate(text.splitlines(), start=1))
    kinds = {tokenize.COMMENT, tokenize.STRING, tokenize.NAME}
    kinds.add(getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING))
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return [(token.start[0], token.string) for token in tokens if token.type in kinds]


def british(text):
    for found in BRITISH.finditer(text):
        if found[0].lower().strip("_") not in INNOCENT:
            yield found[0]


def test_spelling_is_american():
    found = [
        f"{path.relative_to(ROOT)}:{line}: {word}"
        for path in files()
        for line, text in prose(path)
        for word in british(text)
    ]
    assert found == []


def test_british_words_are_found_and_others_are_not():
    assert list(british("The minimiser of a regularised risk, towards the centre")) == [
        "minimiser",
        "regularised",
        "towards",
        "centre",
    ]
    assert list(british("is_centred")) == ["is_centred"]
    assert list(british("analyses, characteristic, centers; skreg/network/optimizers.py")) == []
