"""One file a library: ``with_<library>.py``.

It defines ``LIBRARY`` (the importable name), ``THREADS`` (the thread counts to try, of which the
best counts; ``None`` is the library's own choice) and one function a task: ``task(data)`` gets
ready, untimed, and returns the ``run`` that is timed. The library is imported inside these
functions, so that this package can be read without it.
"""

import os

#: For libraries that are sometimes faster without threads.
ONE_OR_ALL = tuple(dict.fromkeys([1, os.cpu_count()]))
