"""Ctrl-C between epochs: the one that runs is finished, and a second one does not wait."""

import signal
import threading
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class Interrupt:
    """Whether Ctrl-C was pressed."""

    requested: bool = False


@contextmanager
def deferred_interrupt():
    """Note the first Ctrl-C instead of raising KeyboardInterrupt; the second raises as ever.

    Python meets a signal when a compiled call returns, in the midst of what belongs together: the
    parameters would be an epoch ahead of their history. Signals reach the main thread alone, and a
    handler of the user's own stays in force: elsewhere, and with one, nothing is deferred.

    Yields
    ------
    Interrupt
        Its ``requested`` is to be looked at after every epoch.
    """
    interrupt = Interrupt()
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield interrupt
        return

    def note(signum, frame):
        interrupt.requested = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    signal.signal(signal.SIGINT, note)
    try:
        yield interrupt
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
