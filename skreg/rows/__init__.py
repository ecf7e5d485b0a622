"""Rows of X: their products, dense or sparse, and the moments they add up to."""

from skreg.rows.base import Rows
from skreg.rows.chunks import Chunks
from skreg.rows.moments import Moments
from skreg.rows.weighted import WeightedRows, make_rows, rows_about_mean

__all__ = ["Chunks", "Moments", "Rows", "WeightedRows", "make_rows", "rows_about_mean"]
