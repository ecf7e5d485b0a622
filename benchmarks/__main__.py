"""The command line: ``python -m benchmarks NAME``."""

import argparse
import json
import os
import sys
from pathlib import Path

from benchmarks import (
    auto_alpha,
    cluster,
    feature_selection,
    network_candidates,
    network_defaults,
    out_of_core,
    out_of_core_classes,
    weight_decay,
)
from benchmarks.experiment import OUTPUT
from benchmarks.facts import machine, versions
from benchmarks.headlines import headlines, summary
from benchmarks.problem import all_problems
from benchmarks.record import PATIENCE
from benchmarks.report import figures_block, picture, table, with_block
from benchmarks.runner import find_entries, run

HERE = Path(__file__).parent
#: Variables that hold libraries to narrower vectors than the processor has.
HELD = ("SKREG_MAX_ISA", "OPENBLAS_CORETYPE", "ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA")
EXPERIMENTS = {
    module.NAME: module
    for module in (
        weight_decay,
        network_defaults,
        network_candidates,
        auto_alpha,
        feature_selection,
        out_of_core,
        out_of_core_classes,
        cluster,
    )
}


def main(argv=None):
    """Run as told; the exit code is 1 if a contender failed or was refused, 2 for a bad command."""
    parser = _parser()
    args = parser.parse_args(argv)
    problems = all_problems()
    if args.list:
        return _list(problems)
    if args.table:
        return _write_table(HERE / "README.md", HERE / "results")
    if args.name not in (*problems, *EXPERIMENTS):
        names = ", ".join([*problems, *EXPERIMENTS])
        parser.error(f"NAME is {args.name!r}; choose one of {names}.")
    if args.repeats < 1:
        parser.error(f"--repeats is {args.repeats}; give 1 or more.")
    if args.name in EXPERIMENTS:
        return EXPERIMENTS[args.name].main(args, _command(args))
    problem = problems[args.name]
    entries, skipped = find_entries(problem, quick=args.quick)
    known = {entry.contender for entry in entries} | set(skipped)
    if unknown := set(args.only) - known:
        parser.error(f"--only names {', '.join(unknown)}; {problem.name} has {', '.join(known)}.")
    if args.only:
        entries = [entry for entry in entries if entry.contender in args.only]
        skipped = {name: reason for name, reason in skipped.items() if name in args.only}
    result = {
        "problem": problem.name,
        "title": problem.title,
        "unit": problem.unit,
        "quick": args.quick,
        "repeats": args.repeats,
        "tolerance": {"relative": problem.relative, "absolute": problem.absolute},
        "command": _command(args),
        "machine": machine(),
        "libraries": versions(entries),
        "skipped": skipped,
        "cases": run(
            problem, entries, repeats=args.repeats, quick=args.quick, patience=args.patience
        ),
    }
    print(table(result))
    output = args.output or (None if args.quick else HERE / "results")
    if output:
        _save(result, output)
    statuses = {entry["status"] for case in result["cases"] for entry in case["entries"]}
    return 1 if statuses & {"refused", "failed"} else 0


def _parser():
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Time a problem for every installed library that can solve it, check that all "
        "reached the same objective, and print how many times slower than skreg each one is.",
    )
    parser.add_argument("name", metavar="NAME", nargs="?", help="the problem; see --list")
    parser.add_argument("--list", action="store_true", help="list problems and contenders")
    parser.add_argument(
        "--only", metavar="CONTENDER", action="append", default=[], help="may be given repeatedly"
    )
    parser.add_argument("--repeats", type=int, default=5, metavar="N", help="default: 5")
    parser.add_argument(
        "--patience",
        type=float,
        default=PATIENCE,
        metavar="SECONDS",
        help="how long a contender may look for its tolerance in a case (default: %(default)g)",
    )
    parser.add_argument(
        "--quick", action="store_true", help="a small version; saved only if --output is given"
    )
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help="where JSON and picture go (benchmarks/results)"
    )
    parser.add_argument(
        "--table", action="store_true", help="rewrite the figures in README.md from the results"
    )
    return parser


def _list(problems):
    for problem in problems.values():
        entries, skipped = find_entries(problem)
        print(f"{problem.name}: {problem.title}")
        for contender in dict.fromkeys(entry.contender for entry in entries):
            print(f"    {contender}")
        for contender, reason in skipped.items():
            print(f"    {contender} (skipped: {reason})")
    for name, experiment in EXPERIMENTS.items():
        print(
            f"{name}: {experiment.TITLE}\n    an experiment; --repeats is its seeds, if it has some"
        )
    return 0


def _command(args):
    parts = [f"{name}={os.environ[name]}" for name in HELD if name in os.environ]
    parts += ["python -m benchmarks", args.name, f"--repeats {args.repeats}"]
    if args.patience != PATIENCE:
        parts += [f"--patience {args.patience:g}"]
    parts += [f"--only {name!r}" for name in args.only] + ["--quick"] * args.quick
    return " ".join(parts)


def _save(result, output):
    output.mkdir(parents=True, exist_ok=True)
    stem = output / result["problem"]
    stem.with_suffix(".json").write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    try:
        picture(result, stem.with_suffix(".png"))
    except ImportError:
        print('No picture: matplotlib is not installed (pip install ".[bench]").')
    print(f"Written to {stem}.json")


def _write_table(readme, results):
    text = with_block(readme.read_text(), figures_block(results))
    text = with_block(text, summary(results), "summary")
    text = with_block(text, figures_block(results / "avx2"), "avx2")
    for experiment in (feature_selection, network_defaults, out_of_core, cluster):
        kept = OUTPUT / f"{experiment.NAME}.json"
        text = experiment.with_table(text, json.loads(kept.read_text(encoding="utf-8")))
    readme.write_text(text, encoding="utf-8")
    front = HERE.parent / "README.md"
    front.write_text(with_block(front.read_text(), headlines(results)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
