"""Results as text, as a picture, and as the block of figures in README.md."""

import json
from pathlib import Path
from textwrap import fill

from benchmarks.problem import all_problems
from benchmarks.runner import contenders_of

BASELINE = "skreg"
COLORS = {BASELINE: "#c8442b", "ok": "#4c72a8", "floor": "#b9b9b9"}
HEADER = [
    "contender",
    "threads",
    "best",
    "median",
    "× skreg",
    "median ×",
    "excess",
    "gap",
    "memory",
]
MARK = "<!-- {}: {} -->"


def winners(case):
    """Each contender's fastest admissible entry (its best number of threads), fastest first."""
    fastest = {}
    for entry in case["entries"]:
        if entry["status"] in ("ok", "floor"):
            held = fastest.setdefault(entry["contender"], entry)
            if entry["best"] < held["best"]:
                fastest[entry["contender"]] = entry
    return dict(sorted(fastest.items(), key=lambda item: item[1]["best"]))


def ratio(entry, case, figure="best"):
    """The entry's time over skreg's; None if skreg has no admissible result here."""
    base = winners(case).get(BASELINE)
    return entry[figure] / base[figure] if base else None


def table(result):
    """The whole result as text: a table a case, then who was refused, failed or skipped."""
    lines = [result["title"]]
    for case in result["cases"]:
        rows = [HEADER]
        for contender, entry in winners(case).items():
            rows.append(
                [
                    contender,
                    "default" if entry["threads"] is None else str(entry["threads"]),
                    _time(entry["best"]),
                    _time(entry["median"]),
                    _times(ratio(entry, case)),
                    _times(ratio(entry, case, "median")),
                    _number(entry.get("excess")),
                    _number(entry.get("gap")),
                    _bytes(entry.get("memory")),
                ]
            )
        lines += ["", f"{case['case']}  (time of one {result['unit']})", _aligned(rows)]
        if BASELINE not in winners(case):
            lines.append(f"No ratios: {BASELINE} has no admissible result.")
    return "\n".join(lines + _faults(result))


def _faults(result):
    lines = []
    for case in result["cases"]:
        for entry in case["entries"]:
            if entry["status"] in ("refused", "failed", "abstains"):
                threads = f", {entry['threads']} threads" if entry["threads"] else ""
                lines.append(
                    f"{entry['status']}: {entry['contender']}{threads} on {case['case']}: "
                    f"{entry['note']}; no ratio for it."
                )
    lines += [f"skipped: {name}: {reason}." for name, reason in result["skipped"].items()]
    return ["", *lines] if lines else []


def markdown(result):
    """One row a case, one column a contender: time, its ratio to skreg's, memory if measured."""
    contenders = list(
        dict.fromkeys(entry["contender"] for case in result["cases"] for entry in case["entries"])
    )
    contenders.sort(key=lambda name: name != BASELINE)
    rows = [["", *contenders], ["---"] + ["---:"] * len(contenders)]
    for case in result["cases"]:
        best = winners(case)
        cells = []
        for name in contenders:
            cells.append(_cell(best[name], case) if name in best else "–")
        rows.append([case["case"], *cells])
    memory = any("memory" in entry for case in result["cases"] for entry in case["entries"])
    facts = result["machine"]
    libraries = ", ".join(f"{name} {version}" for name, version in result["libraries"].items())
    return "\n".join(
        [
            f"### {result['problem']}",
            "",
            f"{result['title']}. Time of one {result['unit']}, best of {result['repeats']} "
            f"(in brackets: times skreg's){'; peak memory beyond the data' if memory else ''}.",
            "",
            *("| " + " | ".join(row) + " |" for row in rows),
            "",
            *_absent(result["problem"], contenders),
            f"`{result['command']}` · {facts['cpu']}, {facts['cores']} cores · "
            f"Python {facts['python']}, {libraries}",
        ]
    )


def _absent(problem, contenders):
    """A line on who could have taken part, and did not."""
    names = [name for name in contenders_of(all_problems()[problem]) if name not in contenders]
    return [f"Not in this run: {', '.join(sorted(names))}.", ""] if names else []


def _cell(entry, case):
    text = _time(entry["best"])
    if entry["contender"] != BASELINE and BASELINE in winners(case):
        text += f" ({_times(ratio(entry, case))})"
    return text + (f"; {_bytes(entry['memory'])}" if entry.get("memory") is not None else "")


def figures_block(results_dir):
    """The Markdown of every result in a directory below this file's."""
    folder = Path(results_dir)
    shown = folder.resolve().relative_to(Path(__file__).resolve().parent).as_posix()
    results = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
    return "\n\n".join(
        f"{markdown(result)}\n\n![{result['problem']}]({shown}/{result['problem']}.png)"
        for result in results
    )


def with_block(text, block, name="figures"):
    """``text`` with what stands between the two marks of this name replaced by ``block``."""
    begin, end = MARK.format(name, "begin"), MARK.format(name, "end")
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n{block}\n{end}{after}"


def picture(result, path):
    """Dots of time on a log axis, a panel a case: best, a line to the median, ratio to skreg."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    cases = result["cases"]
    heights = [len(winners(case)) + 1 for case in cases]
    figure, axes = plt.subplots(
        len(cases),
        1,
        figsize=(8, 1.2 + 0.32 * sum(heights)),
        height_ratios=heights,
        sharex=True,
        squeeze=False,
        layout="constrained",
    )
    for axis, case in zip(axes[:, 0], cases, strict=True):
        _panel(axis, case)
    low, high = axes[-1, 0].get_xlim()
    axes[-1, 0].set_xlim(low, high * (high / low) ** 0.3)  # room for the labels
    axes[-1, 0].set_xlabel(
        f"time of one {result['unit']}: best of {result['repeats']}, line to the median "
        f"(in brackets: times {BASELINE}'s)"
    )
    figure.suptitle(fill(result["title"], 100), fontsize=11)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def _panel(axis, case):
    from matplotlib.ticker import FuncFormatter

    best = winners(case)
    for place, (name, entry) in enumerate(best.items()):
        color = COLORS[BASELINE if name == BASELINE else entry["status"]]
        ends = sorted((entry["best"], entry["median"]))
        axis.plot(ends, [place] * 2, color=color, linewidth=2)
        axis.plot(entry["best"], place, "o", color=color, markersize=8)
        label = _time(entry["best"])
        if name != BASELINE and BASELINE in best:
            label += f"  ({_times(ratio(entry, case))})"
        axis.annotate(
            label,
            (ends[1], place),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
        )
    axis.set_yticks(range(len(best)), best)
    axis.set_ylim(len(best) - 0.5, -0.5)  # fastest on top
    axis.set_xscale("log")
    axis.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: _time(seconds)))
    axis.grid(axis="x", color="#e4e4e4")
    axis.set_axisbelow(True)
    axis.set_title(case["case"], fontsize=9, loc="left")
    axis.spines[["top", "right"]].set_visible(False)


def _time(seconds):
    scale, unit = next(
        ((scale, unit) for scale, unit in ((1.0, "s"), (1e-3, "ms")) if seconds >= scale),
        (1e-6, "µs"),
    )
    return f"{seconds / scale:.3g} {unit}"


def _times(value):
    return "–" if value is None else f"{value:.3g}×" if value < 100 else f"{value:.0f}×"


def _bytes(value):
    return "–" if value is None else f"{value / 1e6:.3g} MB"


def _number(value):
    return "–" if value is None else f"{value:.1e}"


def _aligned(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  "
        + "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )
