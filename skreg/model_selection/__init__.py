"""Choosing λ: a search over whole paths."""

from skreg._state import published
from skreg.model_selection.chunk_steps import fit_in_chunks
from skreg.model_selection.cocktail import Cocktail, cocktail_space
from skreg.model_selection.search import PathSearchCV
from skreg.model_selection.splitters import HashKFold

published(__name__, Cocktail, HashKFold)

__all__ = ["Cocktail", "HashKFold", "PathSearchCV", "cocktail_space", "fit_in_chunks"]
