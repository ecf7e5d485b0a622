"""Checks that the estimators share."""

from skreg._validation import check_weights

__all__ = ["check_weights"]
