"""The page as files for any web host: it then trains in the browser, with a twin of the trainer."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path

from skreg import RegularizedMLPClassifier
from skreg.playground.data import MAP_SIZE, THUMB_SIZE
from skreg.playground.run import network_parameters
from skreg.playground.server import STATIC
from skreg.playground.state import DATA_FIELDS, FIELDS, RESTARTS, State
from skreg.playground.sweep import ALPHAS, EPOCHS
from skreg.playground.views import options


def write_page(directory, docs=""):
    """Write the page into a directory, which is made where there is none.

    Parameters
    ----------
    directory : path-like
    docs : str, default=""
        Address of the documentation that lessons refer to; without one they do not.
    """
    directory = Path(directory)
    static = directory / "static"
    shutil.copytree(STATIC, static, dirs_exist_ok=True)
    page = (static / "index.html").read_text(encoding="utf-8")
    (static / "index.html").unlink()
    page = page.replace('data-trainer="server"', 'data-trainer="page"')
    (directory / "index.html").write_text(page, encoding="utf-8")
    text = json.dumps(settings(docs), ensure_ascii=False)
    (static / "settings.json").write_text(text, encoding="utf-8")


def settings(docs=""):
    """What the page's own trainer takes from the package, as JSON has it."""
    given = network_parameters(State())
    usual = RegularizedMLPClassifier().get_params()
    return dict(
        fields={name: dict(kind=type(f).__name__) | asdict(f) for name, f in FIELDS.items()},
        defaults={name: field.write(getattr(State(), name)) for name, field in FIELDS.items()},
        options=options(),
        data_fields=DATA_FIELDS,
        restarts=RESTARTS,
        map=MAP_SIZE,
        thumb=THUMB_SIZE,
        sweep=dict(alphas=ALPHAS, epochs=EPOCHS),
        usual={name: usual[name] for name in given},
        docs=docs and docs.rstrip("/") + "/",
    )
