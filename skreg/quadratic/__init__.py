"""The problems of linear models, and what is known of them at a point."""

from skreg.quadratic.problem import Problem
from skreg.quadratic.quadratic import Quadratic
from skreg.quadratic.risk import EmpiricalRisk
from skreg.quadratic.spectrum import Spectrum
from skreg.rows.moments import Moments

__all__ = ["EmpiricalRisk", "Moments", "Problem", "Quadratic", "Spectrum"]
