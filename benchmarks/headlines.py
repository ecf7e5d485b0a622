"""The speed ratios on the first screen of the project's README, taken from the results."""

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


def worst(results: list[dict]) -> tuple[float, dict, dict, dict]:
    """The smallest ratio of any other library to skreg in any result."""
    found = [
        (ratio(entry, case), result, case, entry)
        for result in results
        for case in result["cases"]
        for name, entry in winners(case).items()
        if BASELINE in winners(case) and BASELINE not in name and entry["status"] == "ok"
    ]
    return min(found, key=lambda one: one[0])


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
