"""A server that runs for all tests of the page, and a browser."""

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from threading import Thread

import pytest
from playground_pages import ARGUMENTS, CHROMIUM

from skreg.playground.server import serve
from skreg.playground.static_page import write_page


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


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="session")
def static_address(tmp_path_factory):
    """Address of the page as files, in a folder of an ordinary web host."""
    root = tmp_path_factory.mktemp("host")
    write_page(root / "course" / "playground")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=root))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/course/playground/"
    server.shutdown()


@pytest.fixture
def open_static(open_at, static_address):
    """A function that opens the page without a server of its own."""

    def opened(query="?data=circle"):
        return open_at(static_address, query)

    return opened
