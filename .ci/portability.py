"""Other compilers, systems and processors: what of them can be tried on this machine.

Usage: python .ci/portability.py CHECKOUT

Compiles every kernel of a checkout that has been built, for systems that a C compiler from PyPI (ziglang)
knows, and runs `tests/kernels.c`, which holds the kernels' headers, on other processors by qemu. What is
not installed is left out, and said to be.
"""

import importlib.util
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(sys.argv[1])
KERNELS = ROOT / "skreg" / "_kernels"
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
    if importlib.util.find_spec("ziglang") is None:
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
    build = ["-O1", "-w", f"-I{KERNELS}", str(ROOT / "tests" / "kernels.c"), "-o", str(program), "-lm"]
    if not shutil.which("qemu-x86_64"):
        print("qemu-x86_64: not installed")
    elif sysconfig.get_platform() == "linux-x86_64":
        subprocess.run(["cc", *build], check=True)
        for processor, level in PROCESSORS.items():
            told = ran(["qemu-x86_64", "-cpu", processor, str(program)])
            wrong = told.stdout != f"level {level}\n" or told.returncode
            report(f"products on {processor}, level {level}", [told.stdout + told.stderr] * bool(wrong))
    if not shutil.which("qemu-aarch64") or importlib.util.find_spec("ziglang") is None:
        print("qemu-aarch64 or ziglang: not installed")
        return
    subprocess.run([*ZIG, "-target", "aarch64-linux-musl", "-static", *build], check=True)
    told = ran(["qemu-aarch64", str(program)])
    wrong = told.stdout != "level 0\n" or told.returncode
    report("products on aarch64", [told.stdout + told.stderr] * bool(wrong))


with tempfile.TemporaryDirectory() as room:
    compile_elsewhere(Path(room))
    run_headers(Path(room))
sys.exit(faults > 0)
