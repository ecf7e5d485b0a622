"""What the tests of the playground's page ask a browser for."""

import os
import re
import shutil

import pytest

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip

in_browser = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed"),
]


def number(page, figure):
    """A figure of the live run."""
    return float(page.locator(f"[data-figure={figure}] td").first.inner_text().split()[0])


def control(page, field):
    return page.locator(f"[data-field={field}]")


def epoch(page):
    return int(page.inner_text("#epoch").replace(",", ""))


def wait_until(page, is_so):
    """Poll: the page's security policy forbids what Playwright's own waiting evaluates."""
    for _ in range(300):
        if is_so():
            return
        page.wait_for_timeout(50)
    raise AssertionError("in vain for 15 seconds")


def wait_for_epoch(page, least):
    wait_until(page, lambda: epoch(page) >= least)


def wait_for_links(page, count):
    wait_until(page, lambda: page.locator("#graph .hit").count() == count)


def wait_for_query(page, pattern):
    page.wait_for_url(re.compile(pattern))


def picture(page):
    """The large picture's pixels, as the browser has drawn them."""
    return page.evaluate("document.getElementById('live-map').toDataURL()")
