"""Transformers of numerical features for networks on tables."""

from skreg._state import published
from skreg.preprocessing.piecewise_linear import PiecewiseLinearEncoder
from skreg.preprocessing.robust_clip import RobustClipScaler

published(__name__, PiecewiseLinearEncoder, RobustClipScaler)

__all__ = ["PiecewiseLinearEncoder", "RobustClipScaler"]
