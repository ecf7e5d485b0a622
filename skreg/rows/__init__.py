"""Rows of X: their products, dense or sparse, and the moments they add up to."""

from skreg.rows.moments import Moments

__all__ = ["Moments"]
