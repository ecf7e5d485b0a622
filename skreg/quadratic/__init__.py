"""The quadratic: its moments, its spectrum, and the model that joins them."""

from skreg.quadratic.model import QuadraticModel
from skreg.quadratic.moments import Moments
from skreg.quadratic.risk import LinearRisk
from skreg.quadratic.spectrum import Spectrum

__all__ = ["LinearRisk", "Moments", "QuadraticModel", "Spectrum"]
