"""How many pictures a second the playground's page draws: ``python -m benchmarks.playground``.

A server and headless chromium on this computer; what is counted are pictures drawn, by the page
itself, while networks train. It needs the extra ``playground``, Playwright and chromium, and writes
the figures into the page of the documentation.
"""

import argparse
import json
import shutil
from pathlib import Path
from queue import Queue
from threading import Thread
from time import perf_counter

from benchmarks.facts import library_versions, machine
from benchmarks.report import with_block
from skreg.playground.server import serve

OUTPUT = Path(__file__).parent / "experiments" / "playground.json"
PAGE = Path(__file__).parents[1] / "docs" / "playground.md"

ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-backgrounding-occluded-windows", "--disable-renderer-backgrounding",
]  # fmt: skip
DEFAULT = "data=circle"
LARGE = "data=spiral&features=x1,x2,x1^2,x2^2,x1x2,sin(x1),sin(x2)&hidden=8,8,8,8,8,8"
CASES = {
    "default network": (DEFAULT, 1, 0),
    "largest network, two runs": (LARGE + "&learning_rate=0.001&pin.alpha=0", 1, 0),
    "default, three tabs training": (DEFAULT, 3, 0),
    "default, after 100,000 epochs": (DEFAULT, 1, 100_000),
}
_COUNT = """() => {
  window.drawn = 0;
  new MutationObserver(() => { window.drawn++; }).observe(
    document.getElementById("epoch"), { childList: true, characterData: true, subtree: true });
}"""


def measure(browser, address, query, n_tabs, n_epochs, seconds):
    """Pictures a second in the tab in front, and seconds from the click on Pause to its effect."""
    context = browser.new_context(viewport=dict(width=1400, height=1000))
    pages = [context.new_page() for _ in range(n_tabs)]
    for page in pages:
        page.goto(f"{address}?{query}")
        page.wait_for_selector("#figures tbody tr")
        page.click("#play")
    if n_epochs:
        pages[0].select_option("[data-field=speed]", "100")
        while int(pages[0].inner_text("#epoch").replace(",", "")) < n_epochs:
            pages[0].wait_for_timeout(100)
        pages[0].select_option("[data-field=speed]", "1")
    front = pages[0]
    front.bring_to_front()
    front.evaluate(_COUNT)
    front.wait_for_timeout(500)
    started, before = perf_counter(), front.evaluate("window.drawn")
    front.wait_for_timeout(1000 * seconds)
    rate = (front.evaluate("window.drawn") - before) / (perf_counter() - started)
    started = perf_counter()
    front.click("#play")
    front.get_by_role("button", name="Play").wait_for()
    lag = perf_counter() - started
    context.close()
    return rate, lag


def table(result):
    """The figures as Markdown."""
    lines = [
        "| | pictures a second | from the click on Pause to its effect |",
        "| --- | ---: | ---: |",
    ]
    for name, case in result["cases"].items():
        rate, lag = case["pictures_per_second"], case["pause_seconds"]
        lines.append(f"| {name} | {rate:.0f} | {lag:.2f} s |")
    return "\n".join(lines)


def main():
    """Measure every case, print the figures, and keep them if they are whole."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(prog="python -m benchmarks.playground")
    parser.add_argument("--seconds", type=float, default=5, help="of counting, for each case")
    parser.add_argument("--case", choices=CASES, help="one case only")
    options = parser.parse_args()
    ready = Queue()
    Thread(target=serve, args=("127.0.0.1", 0, ready.put), daemon=True).start()
    address, cases = ready.get(), {}
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        for name in [options.case] if options.case else CASES:
            rate, lag = measure(browser, address, *CASES[name], options.seconds)
            cases[name] = {"pictures_per_second": round(rate, 1), "pause_seconds": round(lag, 2)}
            print(f"{name:32} {rate:6.1f} pictures/s   pause after {lag:.2f} s", flush=True)
        browser.close()
    if not options.case:
        result = {
            "command": f"python -m benchmarks.playground --seconds {options.seconds:g}",
            "machine": machine(),
            "libraries": library_versions({"numpy", "skreg", "starlette", "uvicorn"}),
            "cases": cases,
        }
        OUTPUT.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
        text = with_block(PAGE.read_text(encoding="utf-8"), table(result))
        PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
