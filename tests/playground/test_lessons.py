"""What the lessons say is so in their own runs."""

import pytest
from playground_cases import javascript

from benchmarks.playground_lessons import holds, lessons, outcome

STEPS = [
    pytest.param(step, id=f"{name}.{number}")
    for name, lesson in lessons().items()
    for number, step in enumerate(lesson["steps"], start=1)
]


@pytest.mark.parametrize("step", STEPS)
def test_claim_holds_and_one_choice_is_right(step):
    figures = outcome(step)
    assert holds(step["claim"], figures)
    assert sum(holds(choice["when"], figures) for choice in step["choices"]) == 1
    assert int(step["often"].split()[0]) >= 14


def test_the_page_reads_conditions_as_the_count_does():
    figures = dict(live=dict(test=2.0, train=1.0), pinned=dict(test=None, train=1.5))
    conditions = [
        ["live.test", ">", "live.train", 1.5],
        ["live.test", ">", "live.train", 2.5],
        ["live.test", "<", "pinned.test"],
        ["live.train", "=", 1],
        [["live.test", "<", 3], ["live.train", ">", "pinned.train"]],
    ]
    finite = figures | dict(pinned=dict(test=float("inf"), train=1.5))
    expected = [True, False, True, True, False]
    assert [holds(condition, finite) for condition in conditions] == expected
    found = javascript(
        """import { holds } from "STATIC/conditions.js";
        const main = ([conditions, figures]) => conditions.map((one) => holds(one, figures));""",
        [conditions, figures],
    )
    assert found == expected


def test_losses_that_explode_are_drawn_on_a_logarithmic_scale():
    source = """import { lossScale } from "STATIC/figures.js";
    const main = (cases) => cases.map((losses) => lossScale(losses));"""
    calm, wild, gone = javascript(
        source, [[[0.7, 0.5, 0.4]], [[0.7, 0.5, 0.4, 900.0]], [[0.7, None, 0.5]]]
    )
    assert calm == dict(y=[0, 0.7], yLabel="loss")
    assert wild == dict(y=[0.4, 900], logY=True, yLabel="loss, log scale")
    assert gone["y"] == [0, 0.7]
