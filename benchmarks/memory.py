"""How much memory a run takes beyond what its process held before."""

import ctypes
import gc
import resource
import sys
from pathlib import Path

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def peak_growth(run):
    """Bytes by which the process's peak exceeds what it held when ``run()`` began; its result.

    On Linux the kernel's high-water mark is set back first, and the allocator gives back what it
    keeps of earlier runs. Elsewhere the mark cannot be set back: growth below an earlier peak
    counts as 0.
    """
    gc.collect()
    if not _RESET.exists():
        before = _lifetime_peak()
        result = run()
        return _lifetime_peak() - before, result
    ctypes.CDLL(None).malloc_trim(0)
    _RESET.write_text("5")
    before = _status("VmRSS")
    result = run()
    return max(_status("VmHWM") - before, 0), result


def peak():
    """Bytes that the process held at most.

    By the kernel's mark where there is one: what `resource` tells begins with the peak of the
    process that started this one.
    """
    return _status("VmHWM") if _STATUS.exists() else _lifetime_peak()


def _status(name):
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(name))
    return 1024 * int(line.split()[1])


def _lifetime_peak():
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
