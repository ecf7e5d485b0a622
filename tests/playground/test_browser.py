"""The page in a real browser: headless chromium, driven by Playwright."""

import re

import pytest
from playground_cases import table_text
from playground_pages import (
    control,
    epoch,
    in_browser,
    number,
    picture,
    wait_for_epoch,
    wait_for_links,
    wait_for_query,
    wait_until,
)

pytestmark = in_browser


def test_losses_fall_while_it_trains(open_page):
    page = open_page("?stop=150&speed=5")
    before, untrained = number(page, "train"), picture(page)
    assert epoch(page) == 0
    page.get_by_role("button", name="Play").click()
    wait_for_epoch(page, 150)
    page.get_by_role("button", name="Play").wait_for()  # paused by itself
    assert epoch(page) == 150
    assert number(page, "train") < 0.2 * before
    assert number(page, "test") < 0.3 * before
    assert picture(page) != untrained
    page.get_by_role("button", name="Reset").click()
    wait_until(page, lambda: epoch(page) == 0)
    assert number(page, "train") == before


def test_controls_change_the_model(open_page):
    page = open_page()
    wait_for_links(page, 2 * 4 + 4 * 2 + 2)
    page.get_by_role("button", name="One neuron more in hidden layer 2").click()
    wait_for_links(page, 8 + 12 + 3)
    page.get_by_role("button", name="Feature x1x2").click()
    wait_for_links(page, 12 + 12 + 3)
    page.get_by_role("button", name="One hidden layer less").click()
    wait_for_links(page, 12 + 4)
    control(page, "activation").select_option("relu")
    control(page, "learning_rate").select_option("0.01")
    page.get_by_role("button", name="Data set xor").click()
    control(page, "batch").fill("3")
    control(page, "noise").fill("25")
    wait_for_query(page, "noise=25")
    for part in ("data=xor", "activation=relu", "learning_rate=0.01", "hidden=4&", "batch=3"):
        assert part in page.url
    page.get_by_role("button", name="Step").click()
    wait_for_epoch(page, 1)
    assert epoch(page) == 1


def test_alpha_moves_while_it_trains(open_page):
    page = open_page("?penalty=l1&alpha=0&speed=5")
    page.get_by_role("button", name="Play").click()
    wait_for_epoch(page, 50)
    assert number(page, "nonzero") == 18
    # The slider's places are 20 a decade: the 81st is λ = 1.
    slider = page.get_by_label("logarithmic scale")
    slider.fill("81")
    wait_until(page, lambda: number(page, "nonzero") == 0)
    assert slider.get_attribute("aria-valuetext") == "λ = 1"
    assert control(page, "alpha").input_value() == "1"
    assert "alpha=1" in page.url
    assert epoch(page) > 50
    assert page.locator("#graph .zero").count() == 18
    page.get_by_role("button", name="Pause").click()


def test_address_restores_the_state(open_page):
    query = "?data=plane&noise=10&features=x1%2Cx1x2&hidden=3%2C3%2C2&penalty=elasticnet&alpha=0.01"
    page = open_page(query + "&l1_ratio=0.3&discrete=1&pin.alpha=0")
    shown = {
        name: control(page, name).input_value()
        for name in ("noise", "penalty", "alpha", "l1_ratio")
    }
    assert shown == dict(noise="10", penalty="elasticnet", alpha="0.01", l1_ratio="0.3")
    assert page.locator("[data-problem=plane]").get_attribute("aria-pressed") == "true"
    assert page.get_by_label("Discretize output").is_checked()
    assert page.locator("#graph .hit").count() == 6 + 9 + 6 + 2
    assert page.locator("#pinned-map").is_visible()
    assert page.locator("#graph [aria-pressed=true]").count() == 2
    first = page.url
    page.reload()
    page.wait_for_selector("#figures tbody tr")
    assert page.url == first


def test_bad_address_is_answered_with_defaults_and_a_message(open_page):
    page = open_page("?noise=900&hidden=a&color=red&batch=12")
    text = page.inner_text("#messages")
    for part in ("noise=900", "hidden=a", "color is not a setting"):
        assert part in text
    assert control(page, "noise").input_value() == "0"
    wait_for_query(page, r"\?batch=12$")


def test_two_tabs_do_not_disturb_each_other(open_page):
    one, other = open_page("?stop=60&speed=5"), open_page("?data=xor&stop=30&speed=5")
    one.get_by_role("button", name="Play").click()
    other.get_by_role("button", name="Play").click()
    control(other, "penalty").select_option("l2")
    for page, end in ((one, 60), (other, 30)):
        page.bring_to_front()
        wait_for_epoch(page, end)
        assert epoch(page) == end
    assert "data" not in one.url
    alone = open_page("?stop=60&speed=5")
    alone.get_by_role("button", name="Play").click()
    wait_for_epoch(alone, 60)
    assert alone.inner_text("#figures") == one.inner_text("#figures")


def test_exercise_side_by_side(open_page):
    page = open_page("?lesson=l2.2")
    page.wait_for_selector("#pinned-map", state="visible")
    control(page, "speed").select_option("20")
    page.get_by_role("button", name="Play").click()
    wait_for_epoch(page, 500)
    live, pinned = page.locator("[data-figure=gap] td").all_inner_texts()
    assert float(live) < float(pinned)
    live, pinned = page.locator("[data-figure=mean_abs] td").all_inner_texts()
    assert float(live) < 0.5 * float(pinned)
    assert page.locator("#closed").is_visible()
    page.get_by_role("button", name="Unpin").click()
    page.wait_for_selector("#pinned-map", state="hidden")


def test_sweep(open_page):
    page = open_page("?data=gauss&noise=50&train=10&hidden=&penalty=l1&alpha=0.01")
    page.get_by_role("button", name="Train for every λ").click()
    page.get_by_text("22 of 22 λ").wait_for()
    assert "lowest test loss" in page.locator("#sweep-loss").get_attribute("aria-label")


def test_weights_on_hover_and_as_a_table(open_page):
    page = open_page("?hidden=1&features=x1")
    before = number(page, "test")
    place = page.locator("#graph .hit").first.bounding_box()
    page.mouse.move(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)
    assert re.fullmatch(r"x1 → neuron 1 of layer 1: −?[\d.]+", page.inner_text("#tip"))
    page.mouse.click(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)
    page.locator("#weight-value").fill("−2.5")
    page.get_by_role("button", name="Set", exact=True).click()
    page.locator("#weights summary").click()
    page.wait_for_selector("#weights table")
    assert page.locator("#weights tr").count() == 1 + 2 + 2
    page.get_by_role("button", name="x1 → neuron 1 of layer 1: −2.50; set it").wait_for()
    assert number(page, "test") != before
    assert epoch(page) == 0


def test_neuron_is_shown_large(open_page):
    page = open_page()
    output = picture(page)
    page.get_by_role("button", name="Neuron 2 of hidden layer 1").focus()
    page.get_by_text("Neuron 2 of hidden layer 1", exact=True).wait_for()
    assert picture(page) != output


def test_copy_as_python_and_link(open_page):
    page = open_page("?hidden=3")
    page.get_by_role("button", name="Step").click()
    page.get_by_role("button", name="Copy as Python").click()
    page.get_by_role("button", name="Copy", exact=True).click()
    page.get_by_role("button", name="Copied").wait_for()
    code = page.evaluate("navigator.clipboard.readText()")
    made = {}
    exec(code, made)
    assert made["model"].n_iter_ == 1
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Copy link").click()
    page.get_by_role("button", name="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == page.url


def test_csv_of_ones_own(open_page):
    page = open_page()
    page.get_by_text("A CSV of your own").click()
    file = dict(name="my.csv", mimeType="text/csv", buffer=table_text().encode())
    page.get_by_label("File").set_input_files(file)
    wait_for_query(page, "data=csv")
    page.get_by_role("list", name="Points").get_by_text("class no").wait_for()
    assert page.get_by_text("my.csv").is_visible()
    page.get_by_role("button", name="Feature width", exact=True).wait_for()
    control(page, "y_column").select_option("size")
    page.get_by_role("list", name="Points").get_by_text("class tall").wait_for()
    assert page.locator("#graph .end").all_inner_texts() == ["medium", "small", "tall"]
    control(page, "y_column").select_option("age")
    wait_for_query(page, "y_column=age")
    page.get_by_role("button", name="Step").click()
    wait_for_epoch(page, 1)
    page.get_by_label("File").set_input_files(file | dict(buffer=b"a,b\n1,2"))
    page.get_by_text("a third column").wait_for()
    page.get_by_label("File").set_input_files(file | dict(buffer=b"x" * 2_000_001))
    page.get_by_text("larger than 2 MB").wait_for()
    assert "data=csv" in page.url


def test_keyboard_alone(open_page):
    page = open_page()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the controls"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "play"
    page.keyboard.press("Space")
    wait_for_epoch(page, 5)
    page.keyboard.press("Space")
    page.get_by_role("button", name="Play").wait_for()


def test_everything_has_a_name(open_page):
    page = open_page("?hidden=&pin.alpha=0")
    nameless = page.evaluate(
        """[...document.querySelectorAll('button, input, select, canvas[role=img]')].filter(
          (e) => !(e.ariaLabel || e.getAttribute('aria-labelledby') || e.labels?.length
            || (e.tagName == 'BUTTON' && e.textContent.trim()))).map((e) => e.outerHTML)"""
    )
    assert nameless == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read(open_page, scheme):
    """Contrast of at least 4.5 (WCAG AA), and of 3 for what is drawn."""
    page = open_page()
    page.emulate_media(color_scheme=scheme)
    page.wait_for_selector(f"html[data-theme={scheme}]")
    style = "getComputedStyle(document.documentElement).getPropertyValue('--{}').trim()"

    def luminance(name):
        code = page.evaluate(style.format(name))
        parts = [int(code[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    def contrast(one, other):
        low, high = sorted((luminance(one), luminance(other)))
        return (high + 0.05) / (low + 0.05)

    for name in ("text", "muted"):
        assert min(contrast(name, "panel"), contrast(name, "back")) >= 4.5
    for name in ("low", "high", "third", "fourth", "fifth", "accent"):
        assert contrast(name, "panel") >= 3


@pytest.mark.parametrize("width", [360, 800, 1400])
def test_nothing_sticks_out(open_page, width):
    page = open_page("?hidden=8,8,8,8,8,8&pin.alpha=0")
    page.set_viewport_size(dict(width=width, height=800))
    page.wait_for_timeout(300)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
