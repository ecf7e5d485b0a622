"""How often what the playground's lessons say is so: ``python -m benchmarks.playground_lessons``.

Every step of a lesson makes a claim about its run. Here it is checked over 20 seeds of the data,
the first weights and the shuffles, and the count is written into the lessons.
"""

import argparse
import json
import math
from dataclasses import replace

from skreg.playground.data import make_data
from skreg.playground.run import Run
from skreg.playground.server import STATIC
from skreg.playground.state import read_query

LESSONS = STATIC / "lessons.json"
_RELATIONS = {"<": float.__lt__, ">": float.__gt__, "=": float.__eq__}


def lessons():
    """The lessons, by name."""
    return json.loads(LESSONS.read_text(encoding="utf-8"))


def holds(condition, figures):
    """Whether a condition of a lesson, or all of a list of them, is so; as lesson.js reads it."""
    if isinstance(condition[0], list):
        return all(holds(part, figures) for part in condition)

    def value(name):
        if not isinstance(name, str):
            return float(name)
        run, figure = name.split(".")
        found = float(figures[run][figure])
        return found if math.isfinite(found) else math.inf

    left, relation, right, *times = condition
    return _RELATIONS[relation](value(left), math.prod(times) * value(right))


def outcome(step, seed=None):
    """Figures of a step's runs at its epoch, by their names; ``seed`` takes the place of theirs."""
    live, pinned, notes = read_query(step["query"])
    if notes:
        raise ValueError(f"{step['title']}: {notes}")
    figures = {}
    for name, state in dict(live=live, pinned=pinned).items():
        if state is not None:
            state = state if seed is None else replace(state, seed=seed, start=seed)
            run = Run(state, make_data(state))
            while run.epoch < step["epoch"]:  # the curve is to have points
                run.train(step["epoch"] // 100)
            figures[name] = run.figures()
    return figures


def main():
    """Count over the seeds, print, and write the counts into the lessons."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.playground_lessons")
    parser.add_argument("--seeds", type=int, default=20)
    n_seeds = parser.parse_args().seeds
    text = LESSONS.read_text(encoding="utf-8")
    for name, lesson in lessons().items():
        for number, step in enumerate(lesson["steps"], start=1):
            count = sum(holds(step["claim"], outcome(step, seed)) for seed in range(n_seeds))
            own = holds(step["claim"], outcome(step))
            print(
                f"{name}.{number}: {count} of {n_seeds}; at the page's own seed: {own}", flush=True
            )
            before, after = text.split(json.dumps(step["title"], ensure_ascii=False), 1)
            old = json.dumps({"often": step["often"]})[1:-1]
            after = after.replace(old, f'"often": "{count} of {n_seeds}"', 1)
            text = before + json.dumps(step["title"], ensure_ascii=False) + after
    LESSONS.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
