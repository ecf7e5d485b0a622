"""What a visitor meets: the opening, lessons, what is spoken, a phone."""

import re

from playground_pages import control, in_browser, wait_for_epoch, wait_for_query

pytestmark = in_browser


def test_opens_at_work_with_a_lesson_and_a_penalty(open_page):
    page = open_page("")
    wait_for_epoch(page, 1)
    assert control(page, "penalty").input_value() == "l2"
    assert float(control(page, "alpha").input_value()) > 0
    assert page.get_by_label("logarithmic scale").is_visible()
    page.get_by_role("heading", name="What λ does").wait_for()
    wait_for_query(page, r"lesson=start\.1$")


def test_a_penalty_comes_with_a_strength_and_a_strength_with_a_penalty(open_page):
    page = open_page()
    control(page, "penalty").select_option("l1")
    wait_for_query(page, "penalty=l1&alpha=0.03")
    page = open_page()
    control(page, "alpha").fill("0.2")
    control(page, "alpha").press("Enter")
    wait_for_query(page, "penalty=l2&alpha=0.2")
    assert control(page, "penalty").input_value() == "l2"


def test_lesson_checks_answers_against_the_run(open_page):
    page = open_page("?lesson=l2.2")
    lesson, answer = page.locator("#lesson"), page.locator("#lesson-answer")
    wrong = lesson.get_by_label("the test loss is higher")
    wrong.check()
    answer.get_by_text("Press Play first").wait_for()
    control(page, "speed").select_option("100")
    page.get_by_role("button", name="Play").click()
    wait_for_epoch(page, 500)
    page.get_by_role("button", name="Play").wait_for()
    right = lesson.get_by_label("less than half as large")
    right.check()
    answer.get_by_text("✓ Right").wait_for()
    losses = page.locator("[data-figure=test] td").all_inner_texts()
    assert f"test loss {losses[0]} (pinned {losses[1]})" in answer.inner_text()
    wrong.check()
    answer.get_by_text("✗ Not in this run").wait_for()
    lesson.get_by_role("button", name="Next").click()
    lesson.get_by_text("Task 3").wait_for()
    wait_for_query(page, r"learning_rate=0\.3.*lesson=l2\.3")


def test_hidden_controls_stay_hidden_in_the_link(open_page):
    page = open_page()
    assert control(page, "learning_rate").is_visible()
    page.get_by_role("button", name="Hide controls").click()
    page.get_by_label("Learning rate, activation").check()
    page.get_by_role("button", name="Done").click()
    assert not control(page, "learning_rate").is_visible()
    wait_for_query(page, "hide=settings")
    again = open_page(page.url.split("/")[-1])
    assert not control(again, "learning_rate").is_visible()
    assert again.get_by_role("button", name="Play").is_visible()


def test_nothing_is_spoken_while_it_trains(open_page):
    page = open_page("?stop=60")
    regions = "[role=status], [aria-live], output"
    page.get_by_role("button", name="Play").click()
    wait_for_epoch(page, 5)
    spoken = page.locator(regions).all_inner_texts()
    wait_for_epoch(page, 20)
    assert page.locator(regions).all_inner_texts() == spoken
    page.get_by_role("button", name="Say the losses").click()
    assert re.search(r"Epoch \d+: training loss", page.inner_text("#live-text"))
    page.get_by_text("Epoch 60: training loss").wait_for()  # at the pause


def test_phone(open_page, browser):
    page = open_page("?hidden=2,8,8,8")
    page.set_viewport_size(dict(width=390, height=844))
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    place = page.get_by_role("button", name="Play").bounding_box()
    assert 0 <= place["y"] < 100
    node = page.get_by_role("button", name="Neuron 2 of hidden layer 1")
    node.scroll_into_view_if_needed()
    place = node.bounding_box()
    finger = dict(pointerType="touch", clientX=place["x"], clientY=place["y"])
    node.dispatch_event("pointerenter", finger)
    page.locator("#lens").get_by_text("Neuron 2 of hidden layer 1").wait_for()
    lens = page.locator("#lens").bounding_box()
    assert abs(lens["x"] + lens["width"] / 2 - place["x"]) < 120
    assert abs(lens["y"] + lens["height"] / 2 - place["y"]) < 180
    node.dispatch_event("pointerleave", finger)
    page.wait_for_selector("#lens", state="hidden")
