"""One file a library: ``with_<library>.py``.

It defines ``LIBRARY`` (the importable name), ``THREADS`` (the thread counts to try, of which the
best counts; ``None`` is the library's own choice) and one function a task: ``task(data)`` gets
ready, untimed, and returns the ``run`` that is timed. The library is imported inside these
functions, so that this package can be read without it.

It may also define ``TOLERANCES``, from a function's name to a `ladder` of tolerances: what is
timed then is ``run(tol)``, with the loosest that the judge's duality gap admits. For
a library that Python does not know of, ``installed()`` and ``versions()`` answer instead of its
package.
"""

import math
import os

#: For libraries that are sometimes faster without threads.
ONE_OR_ALL = tuple(dict.fromkeys([1, os.cpu_count()]))


def ladder(loosest, tightest, steps=2):
    """Tolerances to try in this order: ``loosest``, then so many steps a factor of 10."""
    count = round(steps * math.log10(loosest / tightest))
    return tuple(loosest * 10 ** (-step / steps) for step in range(count + 1))
