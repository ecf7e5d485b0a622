"""What the transformers of numbers share: which X they take."""

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import _check_sample_weight, assert_all_finite, validate_data

from skreg._documentation import DocumentedMixin
from skreg._state import Stored
from skreg._table_columns import columns_named


class NumericTransformer(Stored, TransformerMixin, DocumentedMixin, BaseEstimator):
    """A transformer of numbers, of which NaN stay NaN, in the precision that they come in."""

    def _checked(self, X: ArrayLike, reset: bool) -> np.ndarray:
        kinds = [np.float64, np.float32]
        with columns_named(self, X, reset):
            return validate_data(self, X, reset=reset, dtype=kinds, ensure_all_finite="allow-nan")

    @staticmethod
    def _weights(sample_weight: ArrayLike | None, X: np.ndarray) -> np.ndarray:
        weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        assert_all_finite(weights, input_name="sample_weight")  # also of a single number
        return weights

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
