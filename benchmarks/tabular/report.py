"""Means, ranks and seconds of fits, as Markdown.

Contenders are compared on the tables, and there on the seeds, for which each has a fit.
"""

import numpy as np

MEASURES = ("error", "log loss", "RMSE")
SMALL, LARGE = 5_000, 10_000
MIN_TABLES = 4  # for a mean over tables
GROUPS = {
    "all": lambda n_samples: True,
    "≤ 5,000 rows": lambda n_samples: n_samples <= SMALL,
    "≥ 10,000 rows": lambda n_samples: n_samples >= LARGE,
}


def measured(fits, tables, contenders, measure, group="all"):
    """{table: {contender: values by seed}} of a measure, where every contender has some."""
    found = {}
    for name, size in tables.items():
        if not GROUPS[group](size["n_samples"]):
            continue
        by_seed = [
            {f["seed"]: f[measure] for f in fits if _is(f, name, contender) and measure in f}
            for contender in contenders
        ]
        seeds = set.intersection(*map(set, by_seed))
        if seeds:
            values = [[one[seed] for seed in sorted(seeds)] for one in by_seed]
            found[name] = dict(zip(contenders, values, strict=True))
    return found


def _is(fit, table, contender):
    return fit["table"] == table and fit["contender"] == contender


def contenders_of(fits):
    return list(dict.fromkeys(fit["contender"] for fit in fits))


def mean_ranks(found):
    """Mean over tables of the rank (1 is best) of each contender's mean over seeds."""
    from scipy.stats import rankdata

    names = next(iter(found.values()))
    means = [[np.mean(values) for values in table.values()] for table in found.values()]
    return dict(zip(names, rankdata(means, axis=1).mean(axis=0).tolist(), strict=True))


def means(found):
    """{contender: (mean over tables, its standard error over seeds)}.

    Tables are what they are, seeds are drawn: the variance of the mean is the sum of the tables'
    own over their number squared. A table of one seed adds nothing to it.
    """
    names = next(iter(found.values()))
    result = {}
    for name in names:
        values = [table[name] for table in found.values()]
        variances = [np.var(v, ddof=1) / len(v) for v in values if len(v) > 1]
        error = np.sqrt(np.sum(variances)) / len(values) if variances else np.nan
        result[name] = (float(np.mean([np.mean(v) for v in values])), float(error))
    return result


def winners(fits, tables, contenders):
    """{table: the contender of the least log loss or RMSE}."""
    best = {}
    for measure in ("log loss", "RMSE"):
        for table, values in measured(fits, tables, contenders, measure).items():
            best[table] = min(values, key=lambda name: np.mean(values[name]))
    return best


def best_on(fits, tables, contenders):
    """Lines of tables by who has their least log loss or RMSE."""
    best = winners(fits, tables, contenders)
    lines = []
    for contender in contenders:
        if mine := [name for name, winner in best.items() if winner == contender]:
            lines.append(f"- {contender} ({len(mine)}): {', '.join(mine)}")
    return "\n".join(lines)


def summary(fits, tables, contenders, at_least=MIN_TABLES):
    """Markdown: for every measure, mean ± standard error, rank and seconds by groups of tables.

    A group of fewer tables than ``at_least`` is left out.
    """
    blocks = [_block(fits, tables, contenders, measure, at_least) for measure in MEASURES]
    return "\n\n".join(block for block in blocks if block)


def _block(fits, tables, contenders, measure, at_least):
    groups = {
        group: found
        for group in GROUPS
        if len(found := measured(fits, tables, contenders, measure, group)) >= at_least
    }
    if not groups:
        return ""
    heads = [f"{group} ({len(found)}) | rank | s" for group, found in groups.items()]
    lines = [f"| {measure} | {' | '.join(heads)} |", f"| --- |{' ---: |' * 3 * len(heads)}"]
    cells = {name: [] for name in contenders}
    for group, found in groups.items():
        ranks, average = mean_ranks(found), means(found)
        times = measured(fits, found_only(tables, found), contenders, "seconds", group)
        seconds = means(times)
        for name in contenders:
            mean, error = average[name]
            spread = "" if np.isnan(error) else f" ± {error:.4f}"
            cells[name] += [f"{mean:.4f}{spread}", f"{ranks[name]:.2f}"]
            cells[name].append(f"{seconds[name][0]:.3g}")
    lines += [f"| {name} | {' | '.join(row)} |" for name, row in cells.items()]
    return "\n".join(lines)


def found_only(tables, found):
    return {name: size for name, size in tables.items() if name in found}


def by_table(fits, tables, contenders):
    """Markdown: log loss or RMSE of every table, the least in bold; a dash where no fit ended."""
    lines = [
        f"| table (rows × features), measure | {' | '.join(contenders)} |",
        f"| --- |{' ---: |' * len(contenders)}",
    ]
    for name, size in tables.items():
        measure = "log loss" if size["is_class"] else "RMSE"
        values = {}
        for contender in contenders:
            mine = [f[measure] for f in fits if _is(f, name, contender) and measure in f]
            if mine:
                values[contender] = np.mean(mine)
        least = min(values.values(), default=None)
        row = [_cell(values.get(contender), least) for contender in contenders]
        lines.append(
            f"| {name} ({size['n_samples']} × {size['n_features']}), {measure} "
            f"| {' | '.join(row)} |"
        )
    return "\n".join(lines)


def _cell(value, least):
    if value is None:
        return "–"
    return f"**{value:.4g}**" if value == least else f"{value:.4g}"


def gaps(fits, tables, n_seeds):
    """Lines of contenders without a fit on every table and seed: how many, and where none."""
    lines = []
    for contender in contenders_of(fits):
        mine = [fit for fit in fits if fit["contender"] == contender]
        ended = [fit for fit in mine if "stopped" not in fit]
        if len(ended) == len(tables) * n_seeds:
            continue
        without = [name for name in tables if all(fit["table"] != name for fit in ended)]
        line = f"- {contender}: {len(ended)} of {len(tables) * n_seeds}"
        if stopped := len(mine) - len(ended):
            line += f", {stopped} beyond the budget"
        lines.append(line + f"; none on {', '.join(without)}" * bool(without))
    return lines
