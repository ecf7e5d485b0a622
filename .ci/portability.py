"""Other compilers, systems and processors: what of them can be tried on this machine.

Usage: python .ci/portability.py CHECKOUT PYTHON

Compiles every kernel of a checkout that has been built, for systems that a C compiler from PyPI,
ziglang, knows; runs `tests/kernels.c`, which holds the kernels' headers, on other processors by
qemu; and fits a few models there with the skreg of PYTHON. What is not installed is left out, and
said to be. qemu has no AVX-512: that is tried by the tests, where a machine has it.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from math import isclose
from pathlib import Path

ROOT, PYTHON = Path(sys.argv[1]), sys.argv[2]
KERNELS = ROOT / "skreg" / "_kernels"
HAS_ZIG = importlib.util.find_spec("ziglang") is not None
IS_X86_64 = sysconfig.get_platform() == "linux-x86_64"
ZIG = [sys.executable, "-m", "ziglang", "cc", "-fno-sanitize=all"]
STABLE = "-DPy_LIMITED_API=0x030B0000"
#: Where wheels are built for, besides this machine.
TARGETS = ["aarch64-linux-gnu", "x86_64-linux-musl", "aarch64-macos", "x86_64-windows-gnu"]
#: What Python's own pyconfig.h of Windows says, as far as the headers of a kernel ask.
WINDOWS = """
#define MS_WINDOWS
#define MS_WIN64
#define NT_THREADS
#define HAVE_DECLSPEC_DLL
#define Py_ENABLE_SHARED
#define SIZEOF_DOUBLE 8
#define SIZEOF_FLOAT 4
#define SIZEOF_INT 4
#define SIZEOF_LONG 4
#define SIZEOF_LONG_LONG 8
#define SIZEOF_PID_T 4
#define SIZEOF_SHORT 2
#define SIZEOF_SIZE_T 8
#define SIZEOF_TIME_T 8
#define SIZEOF_VOID_P 8
#define SIZEOF_WCHAR_T 2
"""
#: Processors of qemu, and the level of x86-64 that the products then take.
PROCESSORS = {"Nehalem": 1, "Haswell": 3}
#: Its numbers come from loops and products that are compiled for every vector unit.
FITS = """
import json
import numpy as np
import skreg
rng = np.random.default_rng(0)
X = rng.normal(size=(80, 12))
y = X[:, 0] + 0.1 * rng.normal(size=80)
lasso = skreg.QuadraticApproxLasso(alpha=0.05).fit(X, y)
groups = skreg.QuadraticApproxLassoClassifier(alpha=0.05, groups=[[i, i + 6] for i in range(6)])
net = skreg.RegularizedMLPClassifier((4,), alpha=1e-3, max_iter=3, random_state=0).fit(X, y > 0)
fits = lasso.coef_, groups.fit(X, y > 0).coef_[0], net.coefs_[0].ravel()
print(json.dumps(np.concatenate(fits).tolist()))
"""

faults = 0


def ran(command, **options):
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def report(what, errors):
    global faults
    faults += bool(errors)
    print(f"{what}: {'; '.join(errors) or 'in order'}", flush=True)


def compile_all(what, compiler, include):
    """Objects of every kernel; of no use but to see that there are some."""

    def error_of(source):
        command = [*compiler, "-O0", "-w", "-c", f"-I{include}", str(source), "-o"]
        with tempfile.NamedTemporaryFile(suffix=".o") as made:
            told = ran([*command, made.name])
        return "" if told.returncode == 0 else f"{source.name}: {told.stderr[:2000]}"

    with ThreadPoolExecutor(2) as pool:
        errors = list(pool.map(error_of, sorted(KERNELS.glob("*.c"))))
    assert errors, f"no kernel in {KERNELS} has been compiled by Cython"
    report(f"{len(errors)} kernels compile for {what}", [error for error in errors if error])


def compile_elsewhere(folder):
    """By other compilers, for other systems, and without the GIL."""
    include = sysconfig.get_path("include")
    if shutil.which("clang"):
        compile_all("this system by clang", ["clang", "-fPIC", STABLE], include)
    else:
        print("clang: not installed")
    for path in (Path.home() / ".pyenv" / "versions").glob("3.1[3-9].*/include/python3.*"):
        compile_all(f"{path.name} without the GIL", ["cc", "-fPIC", "-DPy_GIL_DISABLED=1"], path)
    if not HAS_ZIG:
        print("ziglang: not installed")
        return
    windows = folder / "windows"
    shutil.copytree(include, windows)
    (windows / "pyconfig.h").write_text(WINDOWS)
    for target in TARGETS:
        at = windows if "windows" in target else include
        compile_all(target, [*ZIG, "-target", target, STABLE], at)


def run_headers(folder):
    """The headers' own program on processors that are not this one."""
    program = folder / "kernels"
    source = ROOT / "tests" / "kernels.c"
    build = ["-O1", "-w", f"-I{KERNELS}", str(source), "-o", str(program), "-lm"]

    def try_it(what, emulator, level):
        told = ran([*emulator, str(program)])
        right = told.stdout == f"level {level}\n" and told.returncode == 0
        report(f"products on {what}, level {level}", [] if right else [told.stdout + told.stderr])

    if shutil.which("qemu-x86_64") and IS_X86_64:
        subprocess.run(["cc", *build], check=True)
        for processor, level in PROCESSORS.items():
            try_it(processor, ["qemu-x86_64", "-cpu", processor], level)
    if shutil.which("qemu-aarch64") and HAS_ZIG:
        static = ["-target", "aarch64-linux-musl", "-static"]
        subprocess.run([*ZIG, *static, *build], check=True)
        try_it("aarch64", ["qemu-aarch64"], 0)
    else:
        print("qemu-aarch64 or ziglang: not installed")


def run_fits():
    """Fits on processors that are not this one: what they find is the same."""
    if not (shutil.which("qemu-x86_64") and IS_X86_64):
        print("qemu-x86_64: not installed")
        return
    # OpenBLAS must not be told of another processor than the one it is on.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS_")}
    fits = [PYTHON, "-c", FITS]
    here = json.loads(ran(fits, env=environment).stdout)
    for processor in PROCESSORS:
        told = ran(["qemu-x86_64", "-cpu", processor, *fits], env=environment)
        there = json.loads(told.stdout) if told.returncode == 0 else []
        alike = len(here) == len(there) and all(map(partial(isclose, abs_tol=1e-6), here, there))
        report(f"fits on {processor}", [] if alike else [told.stderr or "other numbers"])


with tempfile.TemporaryDirectory() as room:
    compile_elsewhere(Path(room))
    run_headers(Path(room))
run_fits()
sys.exit(faults > 0)
