"""The build command of the kernels, named in pyproject.toml; not imported at run time."""

import os
import re
import sysconfig
from copy import deepcopy
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext

#: Of GCC and clang, and of MSVC. No -ffast-math: NaN and rounding keep their meaning. No
#: -march=native: a loop worth it is compiled for several vector units (`dispatch.pxd`). Otherwise
#: GCC ends inlining once a file has grown by 40 %; a loop that calls exp takes four times as long.
FLAGS = (
    ["-O3", "-fno-math-errno", "-fno-trapping-math", "-g0", "--param=inline-unit-growth=200"],
    ["/O2", "/std:c17", "/experimental:c11atomics"],
)

#: The oldest Python as a tag and as a number of its C API; without the GIL there is no stable ABI.
STABLE_ABI = None if sysconfig.get_config_var("Py_GIL_DISABLED") else ("cp311", "0x030B0000")

#: Cython's own code for memoryviews, compiled once instead of into every kernel.
SHARED = "skreg._kernels.cython_shared"

#: How `dispatch.h` gets between the loader and libgcc, where the loader chooses loops.
WRAPPED = sysconfig.get_platform() == "linux-x86_64" and os.confstr("CS_GNU_LIBC_VERSION")

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

    def initialize_options(self):
        """Tell Cython what every kernel is compiled with."""
        super().initialize_options()
        self.cython_directives = {"freethreading_compatible": True}
        self.shared_utility_qualified_name = SHARED

    def finalize_options(self):
        """Give every kernel its headers and the common flags."""
        if SHARED not in {extension.name for extension in self.distribution.ext_modules}:
            self.distribution.ext_modules.append(
                Extension(SHARED, [f"{SHARED.replace('.', '/')}.c"])
            )
        super().finalize_options()
        self.parallel = self.parallel or os.cpu_count()
        for extension in self.extensions:
            if extension.name != SHARED:
                extension.depends = headers(extension.sources[0])
            if STABLE_ABI:
                extension.py_limited_api = True
                extension.define_macros = [("Py_LIMITED_API", STABLE_ABI[1])]

    def get_source_files(self):
        """The sources that an sdist holds: what Cython writes is no source."""
        return [name for name in super().get_source_files() if not name.endswith(".c")]

    def build_extensions(self):
        """Cython first, in processes because its compiler keeps state; then C, in threads.

        The longest begins first: were it the last, all cores but one would wait for it.
        """
        cythonize(
            deepcopy(self.extensions),
            nthreads=self.parallel,
            quiet=True,
            compiler_directives=self.cython_directives,
            shared_utility_qualified_name=SHARED,
        )
        self.extensions.sort(key=lambda e: -Path(e.sources[0]).with_suffix(".c").stat().st_size)
        for extension in self.extensions:
            extension.extra_compile_args = FLAGS[self.compiler.compiler_type == "msvc"]
            if WRAPPED:
                extension.define_macros.append(("SKREG_WRAPPED", None))
                extension.extra_link_args = ["-Wl,--wrap=__cpu_indicator_init"]
        super().build_extensions()

    def run(self):
        """Build, then copy; kernels of this Python alone would be found before the stable ones."""
        super().run()
        if STABLE_ABI:
            for source in (extension.sources[0] for extension in self.extensions):
                own = Path(source).with_suffix(sysconfig.get_config_var("EXT_SUFFIX"))
                own.unlink(missing_ok=True)
        self.copy_extensions_to_source()


class BuildWheel(bdist_wheel):
    """One wheel for every Python from the oldest on, where there is a stable ABI."""

    def initialize_options(self):
        """Name the ABI."""
        super().initialize_options()
        if STABLE_ABI:
            self.py_limited_api = STABLE_ABI[0]
