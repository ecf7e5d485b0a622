"""Which vector unit products use at most, for tests and benchmarks; loops ask in `dispatch.h`."""

import os
from collections.abc import Mapping

#: Levels of x86-64 by the names that ``SKREG_MAX_ISA`` takes.
LEVELS = {"baseline": 1, "avx2": 3, "avx512": 4}


def highest_level(environment: Mapping[str, str] = os.environ) -> int:
    """The highest level of x86-64 that ``SKREG_MAX_ISA`` allows; 4 where it is not set.

    Raises
    ------
    ValueError
        For a value that is not a key of `LEVELS`.
    """
    name = environment.get("SKREG_MAX_ISA", "avx512")
    if name not in LEVELS:
        raise ValueError(
            f"The environment variable SKREG_MAX_ISA is {name!r}. Set it to one of "
            f"{', '.join(LEVELS)}, or unset it for the best that the processor has."
        )
    return LEVELS[name]
