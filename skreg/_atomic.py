"""Writing a file wholly or not at all."""

import glob
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO

# Seconds without a byte after which a file of a process that is gone counts as left over.
_QUIET = 10.0
# What this process is writing.
_writing: set[Path] = set()


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A new file beside ``path`` that takes its place when it is written and on the disk.

    Whatever happens on the way, a full disk or a killed process, ``path`` is as it was.
    """
    path = path.resolve()
    _remove_left_over(path)
    beside = path.with_name(f".{path.name}.{token_hex(4)}.{os.getpid()}.tmp")
    _writing.add(beside)
    try:
        with open(beside, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise
    finally:
        _writing.discard(beside)


def _remove_left_over(path: Path) -> None:
    """Remove what writers of the same file that were killed have left beside it.

    Their process is gone, and nothing was written for a while: one on another machine that shares
    the folder may be at work. In containers a new process often has the number of the one before.
    """
    for beside in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        number = beside.name.split(".")[-2]
        with suppress(OSError):
            is_quiet = time.time() - beside.stat().st_mtime > _QUIET
            if is_quiet and number.isdigit() and not _is_at_work(int(number), beside):
                beside.unlink()


def _is_at_work(number: int, beside: Path) -> bool:
    """Whether a process of this number may be writing; yes where that cannot be asked."""
    if number == os.getpid():
        return beside in _writing
    if os.name != "posix":
        return True
    try:
        os.kill(number, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
