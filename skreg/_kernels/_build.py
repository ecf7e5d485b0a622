"""The build command of the kernels, named in pyproject.toml; not imported at run time."""

import os
import re
from copy import deepcopy
from pathlib import Path

from Cython.Build import cythonize
from setuptools.command.build_ext import build_ext

#: No -ffast-math: NaN and rounding keep their meaning. No -march=native: a loop worth it is
#: compiled for several vector units (`dispatch.pxd`).
FLAGS = ["-O3", "-fno-math-errno", "-fno-trapping-math", "-g0"]

_CIMPORT = re.compile(r"^\s*from skreg\._kernels\.(\w+) cimport\b", re.MULTILINE)
_INCLUDE = re.compile(r'^\s*(?:cdef extern from|#\s*include|include) "([\w.]+)"', re.MULTILINE)


def headers(source):
    """The .pxd and .h files of the kernels that a source depends on, directly or through others.

    Parameters
    ----------
    source : path of a .pyx, .pxd or .h file

    Returns
    -------
    list of str
        Sorted, in the folder that ``source`` is in. A .pyx depends on the .pxd of its own name.
    """
    found, queue = set(), [Path(source)]
    while queue:
        path = queue.pop()
        text = path.read_text(encoding="utf-8")
        named = [f"{module}.pxd" for module in _CIMPORT.findall(text)] + _INCLUDE.findall(text)
        used = {path.with_name(name) for name in named} | {path.with_suffix(".pxd")}
        new = {file for file in used if file.exists()} - found
        found |= new
        queue += new
    return sorted(str(file) for file in found)


class BuildKernels(build_ext):
    """Compiles what has changed, on every core, and puts the result beside the sources too.

    `python -m skreg` and `pytest` in a checkout find the package in the working directory before
    the installed one; so `pip install .` must leave it able to run.
    """

    def finalize_options(self):
        """Give every kernel its headers and the common flags."""
        super().finalize_options()
        self.parallel = self.parallel or os.cpu_count()
        for extension in self.extensions:
            extension.depends = headers(extension.sources[0])
            extension.extra_compile_args = FLAGS

    def build_extensions(self):
        """Cython first, in processes because its compiler keeps state; then C, in threads."""
        cythonize(deepcopy(self.extensions), nthreads=self.parallel, quiet=True)
        super().build_extensions()

    def run(self):
        """Build, then copy."""
        super().run()
        self.copy_extensions_to_source()
