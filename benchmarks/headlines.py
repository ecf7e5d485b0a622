"""The speed ratios on the first screens of the READMEs, taken from the results."""

import json
from pathlib import Path

from benchmarks.report import BASELINE, _time, _times, ratio, winners

#: What README shows: words, problem, the case's name or its start, the other contender, its name.
CHOSEN = (
    ("Ridge: 50 λ × 5 folds, 20,000 × 300", "search-ridge", "n=20000", "sklearn", "`GridSearchCV`"),
    ("Lasso: 100 λ × 5 folds, 20,000 × 500", "search-lasso", "n=20000", "sklearn", "`LassoCV`"),
    ("Lasso: path of 100 λ, 200 × 5,000", "lasso-path", "n=200,", "celer", "celer"),
    (
        "Network: an epoch, 784-512-512-512-10",
        "network-epochs",
        "5000, 784, (512",
        "torch",
        "torch",
    ),
)


def ratios(result: dict) -> list[tuple[float, dict, dict]]:
    """Every ratio of another library's time to skreg's in a result, with its case and entry."""
    return [
        (ratio(entry, case), case, entry)
        for case in result["cases"]
        for name, entry in winners(case).items()
        if BASELINE in winners(case) and BASELINE not in name and entry["status"] == "ok"
    ]


def worst(results: list[dict]) -> tuple[float, dict, dict, dict]:
    """The smallest ratio of any other library to skreg in any result."""
    found = [(one[0], result, *one[1:]) for result in results for one in ratios(result)]
    return min(found, key=lambda one: one[0])


def summary(directory: Path) -> str:
    """A Markdown table with a row a problem: the smallest and the largest ratio in its result."""
    lines = ["| problem | worst ratio | best ratio |", "|---|---|---|"]
    for path in sorted(directory.glob("*.json")):
        result = json.loads(path.read_text())
        found = sorted(ratios(result), key=lambda one: one[0])
        if found:
            ends = " | ".join(_against(*found[i]) for i in (0, -1))
            lines.append(f"| [{result['problem']}](#{result['problem']}) | {ends} |")
    return "\n".join(lines)


def headlines(directory: Path) -> str:
    """Five rows of a Markdown table: four that were chosen, and the worst there is."""
    results = [json.loads(path.read_text()) for path in sorted(directory.glob("*.json"))]
    by_name = {result["problem"]: result for result in results}
    rows = []
    for words, problem, start, contender, name in CHOSEN:
        case = next(c for c in by_name[problem]["cases"] if c["case"].startswith(start))
        rows.append(_row(words, case, contender, name))
    _, result, case, entry = worst(results)
    words = f"The worst of all: {result['problem']}, {case['case']}"
    rows.append(_row(words, case, entry["contender"], entry["contender"]))
    return "\n".join(["| | skreg | the other | ratio |", "|---|---:|---:|---:|", *rows])


def _row(words: str, case: dict, contender: str, name: str) -> str:
    entry = winners(case)[contender]
    ours = _time(winners(case)[BASELINE]["best"])
    return f"| {words} | {ours} | {name}: {_time(entry['best'])} | {_times(ratio(entry, case))} |"


def _against(times: float, case: dict, entry: dict) -> str:
    return f"{_times(times)} {entry['contender']}, {case['case']}"
