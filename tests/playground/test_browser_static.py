"""The page as files, in a real browser: it trains by itself, to the served page's numbers."""

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose
from playground_cases import table_text
from playground_pages import (
    control,
    epoch,
    in_browser,
    number,
    wait_for_epoch,
    wait_for_query,
    wait_until,
)  # fmt: skip

pytestmark = in_browser


def trained(page):
    """What the page says once training has paused."""
    page.get_by_role("button", name="Play").click()
    wait_for_epoch(page, 60)
    page.get_by_role("button", name="Play").wait_for()
    page.get_by_text("Epoch 60: training loss").wait_for()
    return epoch(page), page.inner_text("#figures"), page.inner_text("#live-text")


@pytest.mark.parametrize(
    "query",
    [
        "?data=xor&noise=40&train=20&hidden=8,8&penalty=l2&alpha=0.03&pin.penalty=none&pin.alpha=0",
        "?data=plane&noise=10&penalty=group-neurons&alpha=0.01&dropout=0.1&optimizer=adam"
        "&learning_rate=0.003",
        "?data=gauss&noise=80&train=10&hidden=&penalty=l1&alpha=0.1&optimizer=nesterov&seed=3",
    ],
)
def test_same_numbers_as_the_served_page(open_page, open_static, query):
    query += "&stop=60&speed=20"
    assert trained(open_static(query)) == trained(open_page(query))


def test_opens_at_work_and_lambda_moves(open_static):
    page = open_static("")
    wait_for_epoch(page, 5)
    wait_for_query(page, r"lesson=start\.1$")
    before = number(page, "mean_abs")
    page.get_by_label("logarithmic scale").fill("81")
    wait_until(page, lambda: number(page, "mean_abs") < 0.5 * before)
    assert "alpha=1" in page.url
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Play").wait_for()


def test_lesson_from_a_link(open_static):
    page = open_static("?lesson=l2.2&hide=data,layers,pin")
    assert not page.get_by_role("button", name="Regenerate").is_visible()
    control(page, "speed").select_option("100")
    page.get_by_role("button", name="Play").click()
    wait_for_epoch(page, 500)
    page.get_by_role("button", name="Play").wait_for()
    page.locator("#lesson").get_by_label("less than half as large").check()
    page.locator("#lesson-answer").get_by_text("✓ Right").wait_for()
    assert page.locator("#closed").is_visible()
    # A section of xor is along the feature that matters.
    other = open_static("?lesson=sparse.2")
    assert other.locator("#closed-x").input_value() == "x1x2"
    page.get_by_role("button", name="Train for every λ").click()
    page.get_by_text("500 epochs each: 22 of 22 λ").wait_for()


def test_table_stays_on_the_computer_and_code_makes_its_network(open_static, tmp_path, monkeypatch):
    page = open_static("?hidden=3&learning_rate=0.1")
    page.get_by_text("A CSV of your own").click()
    page.get_by_text("It stays on this computer").wait_for()
    file = dict(name="my.csv", mimeType="text/csv", buffer=table_text().encode())
    page.get_by_label("File").set_input_files(file)
    wait_for_query(page, "data=csv")
    control(page, "y_column").select_option("size")
    page.get_by_role("list", name="Points").get_by_text("class tall").wait_for()
    for _ in range(3):
        page.get_by_role("button", name="Step").click()
    wait_for_epoch(page, 3)
    page.get_by_role("button", name="Copy as Python").click()
    page.get_by_role("button", name="Copy", exact=True).click()
    page.get_by_role("button", name="Copied").wait_for()
    code = page.evaluate("navigator.clipboard.readText()")
    (tmp_path / "my.csv").write_text(table_text())
    monkeypatch.chdir(tmp_path)
    made = {}
    exec(code, made)
    page.keyboard.press("Escape")
    page.locator("#weights summary").click()
    page.wait_for_selector("#weights td button")
    shown = page.locator("#weights td button").all_inner_texts()
    wanted = np.concatenate([W.ravel() for W in made["model"].coefs_])
    found = [float(text.replace("−", "-")) for text in shown]
    assert_allclose(found, wanted, rtol=6e-3)


def test_divergence_is_told_and_losses_stay_readable(open_static):
    page = open_static("?data=plane&features=x1,x1^2,x1x2&activation=relu&learning_rate=100")
    page.get_by_role("button", name="Play").click()
    page.get_by_text("Training diverged after epoch").wait_for()
    page.get_by_role("button", name="Play").wait_for()
    losses = page.locator("[data-figure] td:nth-child(2)").all_inner_texts()
    assert all(re.fullmatch(r"−?[\d.]+(e\d+)?( of \d+)?|∞|", text) for text in losses)
    assert all(len(text) < 12 for text in losses)
