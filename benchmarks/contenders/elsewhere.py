"""Paths of libraries that live in another process: R's, or a Python with an older NumPy.

A folder holds the data as raw little-endian numbers and ``settings``, lines "name value". The
process answers every line of its input, a tolerance, with "done", once ``coefs``, ``intercepts``
and ``measured`` (seconds by its own clock, and the growth of its peak memory or −1) are there.
"""

import subprocess
import tempfile
import weakref
from pathlib import Path

import numpy as np

from benchmarks.worker import Timed


def start(command, arrays, settings, n_alphas):
    """``run(tol)`` of a path by the process that ``command`` and the folder's name start.

    Parameters
    ----------
    command : list of str
    arrays, settings : dict
        File names to arrays, and names to values, which have no spaces.
    n_alphas : int
    """
    folder = tempfile.TemporaryDirectory()
    to = Path(folder.name)
    for name, array in arrays.items():
        array.astype("<i4" if name in ("indices", "indptr") else "<f8").tofile(to / name)
    (to / "settings").write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
    with (to / "stderr").open("w") as stderr:
        process = subprocess.Popen(
            [*command, folder.name],
            **{"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": stderr, "text": True},
        )

    def run(tol):
        process.stdin.write(f"{tol}\n")
        process.stdin.flush()
        if process.stdout.readline() != "done\n":
            raise RuntimeError((to / "stderr").read_text().strip())
        seconds, peak = np.fromfile(to / "measured", "<f8")
        coefs = np.fromfile(to / "coefs", "<f8").reshape(n_alphas, -1)
        intercepts = np.fromfile(to / "intercepts", "<f8")
        return Timed(seconds, (coefs, intercepts), int(peak) if peak >= 0 else None)

    run.folder = folder
    weakref.finalize(run, _end, process, folder)
    return run


def _end(process, folder):
    """When the case ends: the process reads the end of its input, and its files go.

    One that goes on, as its run was stopped, would take time from the others'.
    """
    process.stdin.close()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()
    folder.cleanup()
