"""Where the HTML of an estimator finds its page in the reference."""

import os
from functools import cache
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path


class DocumentedMixin:
    """Links from an estimator's HTML to its page, and from each parameter to its text there.

    The pages are looked for at the address in the environment variable ``SKREG_DOCS``, in
    ``docs/_build/html`` of the source tree that the package is imported from, and at the address
    that the installed package names as its documentation. Without any of these there is no link.

    Examples
    --------
    >>> import os
    >>> from skreg import QuadraticApproxRidge
    >>> os.environ["SKREG_DOCS"] = "https://example.org/skreg"
    >>> QuadraticApproxRidge()._get_doc_link()
    'https://example.org/skreg/api/_generated/skreg.QuadraticApproxRidge.html'
    >>> del os.environ["SKREG_DOCS"]
    """

    # scikit-learn's names: `sklearn.utils._repr_html.base._HTMLDocumentationLinkMixin`.
    _doc_link_module = "skreg"

    @property
    def _doc_link_template(self) -> str:
        root = os.environ.get("SKREG_DOCS") or built_or_published()
        return f"{root.rstrip('/')}/api/_generated/{{page}}.html" if root else ""

    def _doc_link_url_param_generator(self) -> dict[str, str]:
        return {"page": f"{type(self).__module__}.{type(self).__name__}"}


@cache
def built_or_published() -> str:
    """The address of pages built beside the package, or published; empty if there are none."""
    built = Path(__file__).parent.parent / "docs" / "_build" / "html"
    if (built / "index.html").exists():
        return built.resolve().as_uri()
    try:
        urls = metadata("skreg").get_all("Project-URL") or []
    except PackageNotFoundError:
        return ""
    named = dict(url.split(", ", 1) for url in urls)
    return named.get("Documentation", "")
