"""Shared fixtures and the hypothesis profiles.

``pytest`` runs the ``default`` profile; ``HYPOTHESIS_PROFILE=thorough pytest`` raises the number of
examples for a release.
"""

import os

from hypothesis import HealthCheck, settings

# Deadlines measure the machine, not the code.
settings.register_profile(
    "default", max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("thorough", settings.get_profile("default"), max_examples=400)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
