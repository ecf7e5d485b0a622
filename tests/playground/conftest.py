"""A server that runs for all tests of the page."""

from queue import Queue
from threading import Thread

import pytest

from skreg.playground.server import serve


@pytest.fixture(scope="session")
def address():
    """Address of the page, from a server in a thread of its own."""
    ready = Queue()
    Thread(target=serve, args=("127.0.0.1", 0, ready.put), daemon=True).start()
    return ready.get(timeout=30)
