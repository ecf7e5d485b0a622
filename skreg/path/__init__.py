"""All λ at once: the grid of λ and what was found along it."""

from skreg.path.grid import group_alphas, lasso_alphas, ridge_alphas
from skreg.path.network_path import NetworkPath
from skreg.path.path import RegularizationPath

__all__ = ["NetworkPath", "RegularizationPath", "group_alphas", "lasso_alphas", "ridge_alphas"]
