"""What has to agree when a version goes out: version, public names, requirements, licenses."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, metadata, requires
from pathlib import Path

import api
from packaging.requirements import Requirement
from packaging.version import Version

import skreg

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

#: Licenses, as SPDX calls them, that a BSD-3-Clause package may stand on.
PERMISSIVE = {"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "HPND", "ISC", "MIT",
              "MIT-0", "PSF-2.0", "Python-2.0", "Unlicense", "Zlib"}  # fmt: skip
#: What older metadata says in the place of an SPDX expression.
WORDS = re.compile(r"\b(BSD|MIT|Apache|Python Software Foundation|PSF)\b")


def test_public_names_are_those_of_the_snapshot():
    assert api.text() == api.FILE.read_text(encoding="utf-8"), (
        "What users see has changed. If it was meant to: python tests/api.py"
    )


def test_the_version_has_one_home():
    assert PROJECT["project"]["dynamic"] == ["version"]
    assert PROJECT["tool"]["setuptools"]["dynamic"]["version"] == {
        "attr": "skreg._version.__version__"
    }
    version = skreg.__version__
    assert str(Version(version)) == version
    for name, line in [
        ("CITATION.cff", f"version: {version}\n"),
        ("docs/citing.md", f"version = {{{version}}}"),
        ("conda/meta.yaml", f'{{% set version = "{version}" %}}'),
        ("CHANGELOG.md", f"## [{version}]"),
    ]:
        assert line in (ROOT / name).read_text(encoding="utf-8"), name
    installed = metadata_of("skreg")
    assert installed is None or installed.get("Version") == version


def test_the_recipe_asks_for_what_the_package_does():
    text = (ROOT / "conda" / "meta.yaml").read_text(encoding="utf-8")
    run = re.search(r"\n  run:\n(.*?)\n\n", text, re.S)[1]
    host = re.search(r"\n  host:\n(.*?)\n  run:", text, re.S)[1]

    def asked(part):
        return {"".join(line.split()[1:]) for line in part.splitlines()} - {"python", "pip"}

    assert asked(run) == set(PROJECT["project"]["dependencies"])
    assert asked(host) == set(PROJECT["build-system"]["requires"])


def test_deprecations_end_when_they_said():
    """A message says "will be removed in X.Y"; in X.Y it, and what it is of, are gone."""
    now = Version(Version(skreg.__version__).base_version)
    said = re.compile(r"(?:removed|changes?) in (\d+\.\d+)")
    assert said.search("`a` is deprecated since 0.1 and will be removed in 0.3")[1] == "0.3"
    due = [
        (path.name, found)
        for path in (ROOT / "skreg").rglob("*.py")
        for found in said.findall(path.read_text(encoding="utf-8"))
        if Version(found) <= now
    ]
    assert due == []


# Licenses ----------------------------------------------------------------------------------------


def metadata_of(name):
    try:
        return metadata(name)
    except PackageNotFoundError:
        return None


def needed():
    """The packages that are installed along with this one, without any extra."""
    found, to_see = set(), list(PROJECT["project"]["dependencies"])
    while to_see:
        asked = Requirement(to_see.pop())
        if asked.name.lower() in found or (
            asked.marker is not None and not asked.marker.evaluate({"extra": ""})
        ):
            continue
        found.add(asked.name.lower())
        to_see += requires(asked.name) or []
    return found


def is_permissive(told):
    """Whether metadata names licenses that are permissive, and no other."""
    if expression := told.get("License-Expression"):
        names = set(re.findall(r"[\w.-]+", expression)) - {"AND", "OR", "WITH"}
        return names <= PERMISSIVE
    classifiers = [one for one in told.get_all("Classifier") or () if one.startswith("License ::")]
    words = classifiers or [(told.get("License") or "").splitlines()[0]]
    return all(WORDS.search(one) for one in words)


def test_run_time_dependencies_have_permissive_licenses():
    names = needed()
    assert names >= {"numpy", "scipy", "scikit-learn", "pandas", "joblib", "threadpoolctl"}
    assert {name for name in names if not is_permissive(metadata_of(name))} == set()
    assert not is_permissive({"License-Expression": "GPL-3.0-only"})
    assert PROJECT["project"]["license"] == "BSD-3-Clause"
