"""``python -m skreg.playground``: serve the interactive page, or write it as files."""

import argparse
import sys
import webbrowser


def main(argv=None):
    """Parse the arguments and serve until Ctrl-C; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m skreg.playground",
        description="Train a small regularized network in the browser.",
    )
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to serve at (default: %(default)s, this computer only)",
    )
    parser.add_argument("--port", type=int, default=8137, help="0 takes a free one (%(default)s)")
    parser.add_argument("--no-browser", action="store_true", help="do not open the page")
    parser.add_argument(
        "--static",
        metavar="DIR",
        help="serve nothing: write the page into DIR, as files for any web host",
    )
    parser.add_argument(
        "--docs", metavar="URL", default="", help="with --static: where the documentation is"
    )
    options = parser.parse_args(argv)
    if options.static:
        return _write_static(options.static, options.docs)
    return _serve(options)


def _write_static(directory, docs):
    from skreg.playground.static_page import write_page

    try:
        write_page(directory, docs)
    except OSError as error:
        print(
            f"skreg: error: cannot write to {directory}: {error.strerror}. Name another directory.",
            file=sys.stderr,
        )
        return 2
    print(f"The page is in {directory}: put it on a web host, and open its index.html there.")
    return 0


def _serve(options):
    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
        import websockets  # noqa: F401
    except ImportError as error:
        print(
            f"skreg: error: the playground needs {error.name}. Install it with "
            "pip install starlette uvicorn websockets.",
            file=sys.stderr,
        )
        return 2
    from skreg.playground.server import serve

    def ready(address):
        print(f"The playground is at {address} (Ctrl-C ends it)", flush=True)
        if not options.no_browser:
            webbrowser.open(address)

    try:
        serve(options.host, options.port, ready)
    except OSError as error:
        print(
            f"skreg: error: cannot serve at {options.host}:{options.port}: {error.strerror}. "
            "Choose another --port (0 takes a free one).",
            file=sys.stderr,
        )
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
