"""A server that runs for all tests of the page, and a browser."""

from queue import Queue
from threading import Thread

import pytest
from playground_pages import ARGUMENTS, CHROMIUM

from skreg.playground.server import serve


@pytest.fixture(scope="session")
def address():
    """Address of the page, from a server in a thread of its own."""
    ready = Queue()
    Thread(target=serve, args=("127.0.0.1", 0, ready.put), daemon=True).start()
    return ready.get(timeout=30)


@pytest.fixture(scope="module")
def browser():
    """Headless chromium."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture
def open_at(browser):
    """A function that opens the page at an address; afterwards no page may have complained."""
    context = browser.new_context(viewport=dict(width=1400, height=1000))
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    complaints, requested, addresses = [], [], []

    def opened(address, query):
        addresses.append(address)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: requested.append(request.url))
        page.goto(address + query)
        page.wait_for_selector("#figures tbody tr")
        return page

    yield opened
    context.close()
    assert complaints == []
    assert [url for url in requested if not url.startswith(tuple(addresses))] == []


@pytest.fixture
def open_page(open_at, address):
    """A function that opens the served page with a query."""

    def opened(query="?data=circle"):
        return open_at(address, query)

    return opened
