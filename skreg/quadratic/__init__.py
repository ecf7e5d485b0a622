"""The quadratic: its moments, its spectrum, and the model that joins them."""

from skreg.quadratic.quadratic import Quadratic
from skreg.quadratic.risk import LinearRisk
from skreg.quadratic.spectrum import Spectrum
from skreg.rows.moments import Moments

__all__ = ["LinearRisk", "Moments", "Quadratic", "Spectrum"]
