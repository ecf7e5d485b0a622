"""Pictures of paths, penalties, searches and networks, as scikit-learn Displays."""

from skreg.plotting.learning_curves import LearningCurvesDisplay
from skreg.plotting.network import NetworkDisplay
from skreg.plotting.penalty_geometry import PenaltyGeometryDisplay
from skreg.plotting.regularization_path import RegularizationPathDisplay
from skreg.plotting.search import SearchDisplay
from skreg.plotting.shrinkage import ShrinkageDisplay
from skreg.plotting.soft_threshold import SoftThresholdDisplay

__all__ = [
    "LearningCurvesDisplay",
    "NetworkDisplay",
    "PenaltyGeometryDisplay",
    "RegularizationPathDisplay",
    "SearchDisplay",
    "ShrinkageDisplay",
    "SoftThresholdDisplay",
]
