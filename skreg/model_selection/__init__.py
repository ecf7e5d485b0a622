"""Choosing λ: a search over whole paths."""

from skreg.model_selection.search import PathSearchCV

__all__ = ["PathSearchCV"]
