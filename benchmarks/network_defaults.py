"""The experiment ``network-defaults``: networks as they come, and tuned, against the field.

Real tables, 70 % of each for training, three seeds for both split and model; what a contender
chooses, it chooses on the training part. Fits of others are kept in the committed result, so that
``--only skreg`` measures ours alone and compares it with theirs. An interrupted run goes on where
it stopped: every fit is written down as it ends.
"""

import json

from benchmarks.experiment import OUTPUT
from benchmarks.facts import library_versions, machine
from benchmarks.report import with_block
from benchmarks.tabular import elsewhere, fits, report
from benchmarks.tabular.models import BUDGETS, CONTENDERS, available
from benchmarks.tabular.tables import tables

NAME = "network-defaults"
TITLE = "Networks out of the box and tuned, against boosted trees and networks of others"
#: Who is compared with whom: a lineup meets on the tables, and seeds, where all of it have fits.
#: Members with bins have one seed, which is then that of the whole lineup.
LINEUPS = {
    "As they come": lambda name: name != "TabM" and _plain(name),
    "As they come, without RealMLP": lambda name: name not in ("TabM", "RealMLP") and _plain(name),
    "Also members with bins": lambda name: name != "TabM" and not searches(name),
    "Also members with bins, without RealMLP": lambda name: (
        name not in ("TabM", "RealMLP") and not searches(name)
    ),
    "Also with λ by a search": lambda name: name not in ("TabM", "skreg, cocktail", BINS),
    "Also TabM": lambda name: _plain(name),
    "Ours, as it comes and by searches": lambda name: name in OURS,
}
BINS = "skreg, 16 members, bins"
OURS = ("skreg", "skreg tuned", "skreg, cocktail")


def searches(name):
    """Whether a contender chooses among fits of several settings."""
    return "tuned" in name or "cocktail" in name


def _plain(name):
    return not searches(name) and name != BINS


def run(only=(), seeds=3, quick=False, folder=OUTPUT, command=NAME, say=print):
    """Measure what is not there yet, or what ``only`` names; the result as it goes to JSON."""
    all_tables = tables(quick)
    names = list(only) or available()
    if quick:
        names = [name for name in names if name not in BUDGETS and not searches(name)]
    before = {} if quick else committed(folder)
    known = {fits.key(fit): fit for fit in before.get("fits", ())}
    journal = None if quick else folder / f"{NAME}.jsonl"
    done = {} if quick else fits.read(journal)
    for table in all_tables:
        for name in names:
            for seed in range(1 if quick else seeds):
                place = (table.name, name, seed)
                if place in done or (place in known and not only):
                    continue
                done[place] = fits.measure(table, name, seed)
                say(done[place])
                if journal:
                    fits.append(journal, done[place])
    return _result(before, all_tables, known | done, command, quick)


def _result(before, all_tables, found, command, quick):
    sizes = {
        t.name: {"n_samples": len(t.X), "n_features": t.X.shape[1], "is_class": t.is_class}
        for t in all_tables
    }
    libraries = library_versions({"numpy", "scikit-learn", "scipy", "skreg"})
    order = {name: place for place, name in enumerate(CONTENDERS)}
    places = {name: place for place, name in enumerate(sizes)}
    return {
        "experiment": NAME,
        "title": TITLE,
        "quick": quick,
        "command": command,
        "budgets": BUDGETS,
        "machine": machine(),
        "libraries": before.get("libraries", {}) | libraries | elsewhere.versions(),
        "tables": sizes,
        "fits": sorted(
            found.values(), key=lambda f: (places[f["table"]], order[f["contender"]], f["seed"])
        ),
    }


def committed(folder=OUTPUT):
    """What an earlier run left; empty if there is none."""
    path = folder / f"{NAME}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def _write(result, folder):
    """JSON with a fit to a line."""
    folder.mkdir(parents=True, exist_ok=True)
    head = json.dumps(
        {key: value for key, value in result.items() if key != "fits"}, ensure_ascii=False, indent=1
    )
    rows = ",\n  ".join(json.dumps(fit, ensure_ascii=False) for fit in result["fits"])
    text = head.removesuffix("\n}") + f',\n "fits": [\n  {rows}\n ]\n}}\n'
    (folder / f"{NAME}.json").write_text(text, encoding="utf-8")
    (folder / f"{NAME}.jsonl").unlink(missing_ok=True)


def figures(result):
    """Means and ranks of every lineup as Markdown, the best of each table, and what is missing."""
    sizes, found = result["tables"], result["fits"]
    names = report.contenders_of(found)
    parts = []
    for title, takes_part in LINEUPS.items():
        lineup = [name for name in names if takes_part(name)]
        if blocks := report.summary(found, sizes, lineup):
            parts += [f"**{title}**", blocks]
    lineup = [name for name in names if LINEUPS["As they come, without RealMLP"](name)]
    best = report.best_on(found, sizes, lineup)
    parts.append(f"Of those as they come, without RealMLP, the best by log loss or RMSE:\n\n{best}")
    seeds = 1 + max(fit["seed"] for fit in found)
    if lines := report.gaps(found, sizes, seeds):
        parts.append("\n".join(["Not every fit has been run:", "", *lines]))
    return "\n\n".join(parts)


def table(result):
    """The figures as Markdown, also table by table."""
    sizes, found = result["tables"], result["fits"]
    names = report.contenders_of(found)
    return f"{figures(result)}\n\n{report.by_table(found, sizes, names)}"


def with_table(readme, result):
    """The text of a README with the figures in their place."""
    return with_block(readme, figures(result), NAME)


def main(args, command):
    """Run as the command line says, print the tables, save JSON."""
    if unknown := set(args.only) - set(CONTENDERS):
        print(f"--only names {', '.join(unknown)}; {NAME} has {', '.join(CONTENDERS)}.")
        return 2
    if lacking := set(args.only) - set(available()):
        print(f"{', '.join(lacking)}: PYTABKIT_PYTHON names no Python that has pytabkit.")
        return 2
    folder = args.output or OUTPUT
    if not args.quick:
        folder.mkdir(parents=True, exist_ok=True)
    result = run(args.only, args.repeats, args.quick, folder, command)
    print(table(result))
    if args.output or not args.quick:
        _write(result, folder)
        print(f"Written to {folder / NAME}.json")
    return 0
