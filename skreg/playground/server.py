"""The web server: static files, and a websocket for each tab."""

import asyncio
import ipaddress
import logging
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from skreg.playground.documentation import documentation
from skreg.playground.pump import MAX_COMMAND, Pump

STATIC = Path(__file__).with_name("static")
MAX_TABS = 32
_log = logging.getLogger(__name__)
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; object-src 'none'",
    "Cache-Control": "no-cache",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def is_own_host(host, bound_to="127.0.0.1"):
    """Whether a ``Host`` header names this server.

    Another site's name that has been made to point here (DNS rebinding) is not among them: names
    of the loopback and of this machine, addresses, and the name that the server was bound to.

    Examples
    --------
    >>> from skreg.playground.server import is_own_host
    >>> is_own_host("localhost:8137"), is_own_host("[::1]:8137"), is_own_host("evil.example:8137")
    (True, True, False)
    """
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return name in {"localhost", socket.gethostname().lower(), bound_to.lower()}
    loopback_only = bound_to in {"localhost", "127.0.0.1", "::1"}
    return address.is_loopback or not loopback_only


def is_own_page(host, origin, bound_to="127.0.0.1"):
    """Whether a websocket was opened by a page of this very server.

    Browsers let any page open a websocket to anywhere, and say in ``Origin`` which page it is.
    """
    if not origin or not host or not is_own_host(host, bound_to):
        return False
    parts = urlsplit(origin)
    return parts.scheme in {"http", "https"} and parts.netloc.lower() == host.lower()


def create_app(host="127.0.0.1"):
    """The ASGI application.

    Parameters
    ----------
    host : str, default="127.0.0.1"
        What the server is bound to.

    Returns
    -------
    starlette.applications.Starlette

    Raises
    ------
    ImportError
        Without the extra ``playground``.
    """
    from starlette.applications import Starlette
    from starlette.responses import FileResponse
    from starlette.routing import Mount, Route, WebSocketRoute
    from starlette.staticfiles import StaticFiles

    workers = ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="playground")
    tabs = set()

    async def in_thread(function, *arguments):
        return await asyncio.get_running_loop().run_in_executor(workers, function, *arguments)

    async def index(request):
        return FileResponse(STATIC / "index.html")

    async def talk(websocket):
        headers = websocket.headers
        if not is_own_page(headers.get("host"), headers.get("origin"), host):
            await websocket.close(code=1008, reason="another site's page")
            return
        await websocket.accept()
        if len(tabs) >= MAX_TABS:
            await websocket.close(code=1013, reason=f"{MAX_TABS} tabs are open already")
            return
        tabs.add(websocket)
        try:
            await _converse(websocket, in_thread)
        finally:
            tabs.discard(websocket)

    routes = [
        Route("/", index),
        WebSocketRoute("/live", talk),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]
    _, pages = documentation()
    if pages is not None:
        routes.append(Mount("/docs", StaticFiles(directory=pages, html=True)))
    return _guarded(Starlette(routes=routes), host)


def _guarded(app, host):
    """The application without requests under another name, with headers to what is sent."""
    from starlette.responses import PlainTextResponse

    async def guarded(scope, receive, send):
        if scope["type"] != "http":
            return await app(scope, receive, send)
        named = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
        if not is_own_host(named, host):
            answer = PlainTextResponse("This server does not go by that name.", 421)
            return await answer(scope, receive, send)

        async def send_with_headers(message):
            if message["type"] == "http.response.start":
                extra = [(k.lower().encode(), v.encode()) for k, v in _HEADERS.items()]
                message = {**message, "headers": [*message["headers"], *extra]}
            await send(message)

        await app(scope, receive, send_with_headers)

    return guarded


async def _converse(websocket, in_thread):
    """Run a tab's session until the tab is closed, or says what makes no sense."""
    from starlette.websockets import WebSocketDisconnect

    pump = Pump(websocket.send_bytes, in_thread)

    async def listen():
        while True:
            await pump.has_room()
            pump.take(await websocket.receive_text())

    fault = None
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(listen())
            group.create_task(pump.run())
    except* WebSocketDisconnect:
        pass
    except* (LookupError, TypeError, ValueError) as errors:
        fault = errors.exceptions[0]
        _log.warning("A tab is closed: %s: %s", type(fault).__name__, _cut(str(fault)))
        _log.debug("What closed it:", exc_info=errors)
    if fault is not None:
        await websocket.close(code=1003, reason=_cut(str(fault)))


def _cut(text):
    """At most 123 bytes, as the reason of a close may have."""
    return text.encode()[:123].decode(errors="ignore")


def serve(host, port, on_ready=None):
    """Run the server until Ctrl-C.

    Parameters
    ----------
    host : str
    port : int
        0 takes one that is free.
    on_ready : callable of str, default=None
        Called with the page's address when it can be opened.
    """
    import uvicorn

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family)
    shown = "127.0.0.1" if host in {"0.0.0.0", "::"} else host
    shown = f"[{shown}]" if ":" in shown else shown
    if on_ready is not None:
        on_ready(f"http://{shown}:{listener.getsockname()[1]}/")
    config = uvicorn.Config(
        create_app(host),
        log_level="warning",
        lifespan="off",
        ws_max_size=MAX_COMMAND,
        ws_max_queue=4,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=1,
    )
    uvicorn.Server(config).run(sockets=[listener])
