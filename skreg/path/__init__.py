"""All λ at once: the grid of λ and what was found along it."""

from skreg.path.grid import path_alphas
from skreg.path.model import PathModel
from skreg.path.network_path import NetworkPath
from skreg.path.path import RegularizationPath

__all__ = ["NetworkPath", "PathModel", "RegularizationPath", "path_alphas"]
