"""Transformers of numerical features for networks on tables."""

from skreg.preprocessing.piecewise_linear import PiecewiseLinearEncoder
from skreg.preprocessing.robust_clip import RobustClipScaler

__all__ = ["PiecewiseLinearEncoder", "RobustClipScaler"]
