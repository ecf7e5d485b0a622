"""Regularized learning in scikit-learn: one objective, one λ."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from skreg._state import published
from skreg._version import __version__ as __version__
from skreg.estimators.lasso import QuadraticApproxLasso
from skreg.estimators.lasso_classifier import QuadraticApproxLassoClassifier
from skreg.estimators.mlp import RegularizedMLPClassifier, RegularizedMLPRegressor
from skreg.estimators.ridge import QuadraticApproxRidge
from skreg.estimators.ridge_classifier import QuadraticApproxRidgeClassifier
from skreg.model import QuadraticModel
from skreg.model_selection import PathSearchCV
from skreg.path import NetworkPath, RegularizationPath
from skreg.rows import Chunks, Moments

if TYPE_CHECKING:
    from skreg import datasets as datasets
    from skreg import export as export
    from skreg import files as files
    from skreg import plotting as plotting
    from skreg import preprocessing as preprocessing
    from skreg.export import export_c as export_c
    from skreg.export import export_python as export_python
    from skreg.export import export_sql as export_sql
    from skreg.export import to_onnx as to_onnx
    from skreg.files import load as load
    from skreg.files import save as save

__all__ = [
    "Chunks",
    "Moments",
    "NetworkPath",
    "PathSearchCV",
    "QuadraticApproxLasso",
    "QuadraticApproxLassoClassifier",
    "QuadraticApproxRidge",
    "QuadraticApproxRidgeClassifier",
    "QuadraticModel",
    "RegularizationPath",
    "RegularizedMLPClassifier",
    "RegularizedMLPRegressor",
    "export_c",
    "export_python",
    "export_sql",
    "load",
    "save",
    "to_onnx",
]

published(
    __name__, Chunks, Moments, NetworkPath, PathSearchCV, QuadraticApproxLasso,
    QuadraticApproxLassoClassifier, QuadraticApproxRidge, QuadraticApproxRidgeClassifier,
    QuadraticModel, RegularizationPath, RegularizedMLPClassifier, RegularizedMLPRegressor,
)  # fmt: skip

_LATER = ("datasets", "export", "files", "plotting", "preprocessing")
_FUNCTIONS = {
    "export_c": "export",
    "export_python": "export",
    "export_sql": "export",
    "load": "files",
    "save": "files",
    "to_onnx": "export",
}


def __getattr__(name: str) -> Any:
    """Subpackages that are imported when first asked for, and functions of them."""
    if name in _FUNCTIONS:
        return getattr(import_module(f"{__name__}.{_FUNCTIONS[name]}"), name)
    if name in _LATER:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER, *_FUNCTIONS})
