"""Where the page finds the documentation that its lessons refer to."""

import os
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from skreg._documentation import built_or_published


def documentation():
    """(address or "", directory or None): pages built beside the package are served at ``docs/``.

    The environment variable ``SKREG_DOCS`` names others, as for the links of estimators.
    """
    address = os.environ.get("SKREG_DOCS") or built_or_published()
    parts = urlsplit(address)
    if parts.scheme == "file":
        return "docs/", Path(url2pathname(parts.path))
    return address and address.rstrip("/") + "/", None
