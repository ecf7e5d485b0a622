"""The build knows what each kernel depends on."""

import tomllib
from pathlib import Path

from skreg._kernels._build import headers

ROOT = Path(__file__).parents[1]


def test_headers_are_followed_through_other_headers(tmp_path):
    texts = {
        "kernel.pyx": "from libc.math cimport exp\nfrom skreg._kernels.outer cimport (\n    f)\n",
        "kernel.pxd": 'cdef extern from "own.h" nogil:\n    pass\n',
        "outer.pxd": "from skreg._kernels.inner cimport g  # and back again\n",
        "inner.pxd": "    from skreg._kernels.outer cimport f\n",
        "own.h": '#include <math.h>\n# include "deep.h"\n',
        "deep.h": "",
        "unrelated.pxd": "",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    found = [Path(path).name for path in headers(tmp_path / "kernel.pyx")]
    assert found == ["deep.h", "inner.pxd", "kernel.pxd", "outer.pxd", "own.h"]


def test_every_kernel_of_the_checkout_is_built():
    with (ROOT / "pyproject.toml").open("rb") as file:
        modules = tomllib.load(file)["tool"]["setuptools"]["ext-modules"]
    sources = [source for module in modules for source in module["sources"]]
    there = [str(p.relative_to(ROOT)) for p in (ROOT / "skreg" / "_kernels").glob("*.pyx")]
    assert sorted(sources) == sorted(there)


def test_every_header_of_the_checkout_belongs_to_a_kernel():
    """Or an sdist leaves it out."""
    kernels = ROOT / "skreg" / "_kernels"
    used = {Path(name) for source in kernels.glob("*.pyx") for name in headers(source)}
    assert used == {*kernels.glob("*.h"), *kernels.glob("*.pxd")}
