"""Choosing λ: a search over whole paths."""

from skreg.model_selection.search import PathSearchCV
from skreg.model_selection.splitters import HashKFold

__all__ = ["HashKFold", "PathSearchCV"]
