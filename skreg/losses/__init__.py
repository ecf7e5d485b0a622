"""Losses ℓ(y, f) of raw predictions f; what joins them to features lives elsewhere."""

from skreg.losses.base import Loss
from skreg.losses.binary_log_loss import BinaryLogLoss
from skreg.losses.multinomial_log_loss import MultinomialLogLoss
from skreg.losses.squared_error import SquaredError

__all__ = ["BinaryLogLoss", "Loss", "MultinomialLogLoss", "SquaredError"]
