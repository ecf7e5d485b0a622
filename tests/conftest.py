"""Shared fixtures and the hypothesis profiles.

``pytest`` runs the ``default`` profile; ``HYPOTHESIS_PROFILE=thorough pytest`` raises the number of
examples for a release.
"""

import os
import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

# The benchmarks are imported from here; skreg itself is the one that is installed.
sys.path.append(str(Path(__file__).parents[1]))

# Deadlines measure the machine, not the code.
settings.register_profile(
    "default", max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("thorough", settings.get_profile("default"), max_examples=400)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
