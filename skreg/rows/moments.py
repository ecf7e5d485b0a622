"""Weight, means and centered second moments of rows: all that squared error needs of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.utils.validation import _get_feature_names, assert_all_finite, check_X_y

from skreg._kernels import rows as row_kernels
from skreg._labels import as_numbers
from skreg._sparse import check_sparse
from skreg._state import Stored
from skreg._validation import as_floats
from skreg.rows import moment_bytes
from skreg.rows.products import EPS, Array, gram_and_targets, slices, symmetric
from skreg.rows.sums import check_gram, check_sums, part_weights, sums_about, sums_of
from skreg.rows.weighted import WeightedRows

# Blocks that share one origin; the next group takes a new one (see `Moments.from_rows`).
_GROUP = 64
# By how much more than all of a sum of squares, relative to it, a part of its rows may take.
_ROUNDING = 1e-8


def check_shapes(moments: Moments) -> Moments:
    """The same; ValueError where shapes do not go together, as in a file that was changed."""
    names = moments.feature_names
    (p,), (q,) = moments.x_mean.shape, moments.y_mean.shape
    if (moments.xx.shape, moments.xy.shape, moments.yy.shape) != ((p, p), (p, q), (q,)):
        raise ValueError("the arrays of these moments have shapes that do not go together.")
    if names is not None and (isinstance(names, str) or len(names) != p):
        raise ValueError(f"feature_names must be {p} names, one for each feature, got {names!r}.")
    return moments


@dataclass(frozen=True, eq=False)
class Moments(Stored):
    """An immutable statistic of (X, y, sample_weight) that can be added and subtracted.

    ``a + b`` is the statistic of both sets of rows together, ``(a + b) - b`` is ``a`` again up to
    rounding (Chan, Golub & LeVeque, 1983). Second moments are about the means, so features with a
    large mean and a small spread lose nothing. Everything is float64, whatever X is.

    Attributes
    ----------
    weight : float
        W = Σᵢ wᵢ.
    n_rows : int
        Number of rows with a positive weight.
    x_mean : ndarray of shape (p,)
    y_mean : ndarray of shape (q,)
    xx : ndarray of shape (p, p)
        Σᵢ wᵢ (xᵢ − x̄)(xᵢ − x̄)ᵀ.
    xy : ndarray of shape (p, q)
        Σᵢ wᵢ (xᵢ − x̄)(yᵢ − ȳ)ᵀ.
    yy : ndarray of shape (q,)
        Σᵢ wᵢ (yᵢ − ȳ)², for each target.
    feature_names : tuple of str or None
        Names of the features, where they are known. Moments of other features do not add.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg import Moments
    >>> X, y = np.array([[0.0], [2.0], [4.0]]), np.array([1.0, 2.0, 6.0])
    >>> whole = Moments.from_rows(X, y)
    >>> parts = Moments.from_rows(X[:1], y[:1]) + Moments.from_rows(X[1:], y[1:])
    >>> whole.x_mean, parts.xx, (parts - Moments.from_rows(X[:1], y[:1])).y_mean
    (array([2.]), array([[8.]]), array([4.]))
    """

    weight: float
    n_rows: int
    x_mean: Array
    y_mean: Array
    xx: Array
    xy: Array
    yy: Array
    feature_names: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        for name in ("x_mean", "y_mean", "xx", "xy", "yy"):
            if not isinstance(array := getattr(self, name), np.ndarray):
                raise ValueError(f"{name} must be an array of NumPy, got {type(array).__name__}.")
            array.flags.writeable = False

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        super().__setstate__(state)
        check_shapes(self)

    @classmethod
    def from_rows(cls, X: Any, y: Any, sample_weight: Any = None) -> Moments:
        """The statistic of these rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The names of a DataFrame's columns are kept.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
        sample_weight : None, float or array-like of shape (n_samples,), default=None

        Returns
        -------
        Moments

        Raises
        ------
        ValueError
            If X, y or the weights are not finite, do not match, or the weights are negative.
        """
        names = _get_feature_names(X)
        X, y = check_X_y(
            X, as_numbers(y), accept_sparse=("csr", "csc"), dtype=[np.float64, np.float32],
            multi_output=True, y_numeric=True, estimator=cls.__name__,
        )  # fmt: skip
        weights = part_weights(sample_weight, X)
        made = cls.of(X, np.asarray(y, dtype=np.float64).reshape(len(y), -1), weights)
        return made if names is None else replace(made, feature_names=tuple(names))

    @classmethod
    def from_arrow(
        cls,
        source: Any,
        y: str | Sequence[str],
        *,
        sample_weight: str | None = None,
        features: Sequence[str] | None = None,
        exclude: Sequence[str] = (),
        categories: Mapping[str, Sequence[Any]] | None = None,
    ) -> Moments:
        """The statistic of the rows of tables, read a chunk at a time.

        Parameters
        ----------
        source : object
            A table, batch, list or stream of batches, dataset or file of Arrow; and whatever else
            `Chunks` takes, with the same parameters.
        y, sample_weight, features, exclude, categories
            Names of columns, see `Chunks`.

        Returns
        -------
        Moments
            With the names of the features.

        Examples
        --------
        >>> import pandas as pd
        >>> from skreg import Moments
        >>> table = pd.DataFrame({"x": [0.0, 2.0, 4.0], "y": [1.0, 2.0, 6.0]})
        >>> Moments.from_arrow(table, "y").x_mean
        array([2.])
        """
        from skreg.rows.chunks import Chunks  # which are made of moments

        chunks = Chunks(
            source, y, sample_weight=sample_weight, features=features, exclude=exclude,
            categories=categories,
        )  # fmt: skip
        return chunks.moments()

    @classmethod
    def of(cls, X: Any, y: Array, weights: Array | None = None) -> Moments:
        """The same for arrays that have been checked: X (n, p), y (n, q), ``weights`` (n,).

        A sparse X (CSR, CSC) stays so: Σ wᵢxᵢxᵢᵀ is summed over what is stored.

        Cost: n·p² flops (a symmetric product) and one pass over X, in blocks that fit the
        cache; a copy is made of one block at a time, never of X.

        A group of blocks is accumulated about the mean of its first block and moved to the group's
        own mean at the end; groups are merged by ``+``. The origin lies within the group's spread,
        so the move cancels at most two digits, and only when the rows are sorted. Where 0 is within
        that spread too, as it is for standardized features, it serves as origin and nothing is
        copied.
        """
        if issparse(X):
            check_sparse(X)
            return cls._from_sparse(X, y, weights)
        blocks = slices(*X.shape)
        total = cls._from_group(X, y, weights, blocks[:_GROUP])
        for start in range(_GROUP, len(blocks), _GROUP):
            total = total + cls._from_group(X, y, weights, blocks[start : start + _GROUP])
        return total

    @classmethod
    def _from_sparse(cls, X: Any, y: Array, weights: Array | None) -> Moments:
        if weights is not None and not weights.any():  # rows without weight, one of them will do
            return cls.of(X[:1].toarray(), y[:1], weights[:1])
        rows = WeightedRows(X, y, weights, centered=True)
        W = rows.weight
        xx, xy = W * rows.gram(), W * rows.transposed_dot(rows.b)
        yy = W * np.einsum("ij,ij->j", rows.b, rows.b)
        return cls(W, rows.n_rows, rows.x_mean, rows.y_mean, xx, xy, yy)

    @classmethod
    def _from_group(cls, X: Any, y: Array, weights: Array | None, blocks: list[slice]) -> Moments:
        p = X.shape[1]
        whole = slice(blocks[0].start, blocks[-1].stop)
        w = None if weights is None else weights[whole]
        first = slice(0, blocks[0].stop - blocks[0].start)
        x_origin, near_zero = origin_amid(X[blocks[0]], w if w is None else w[first])
        y_origin, _ = origin_amid(y[blocks[0]], w if w is None else w[first])
        if near_zero and w is None and X.dtype == np.float64 and X[whole].flags.forc:
            x_origin, sums = np.zeros(p), sums_as_they_are(X[whole], y[whole] - y_origin)
        else:
            sums = sums_about(X, y, weights, blocks, np.concatenate([x_origin, y_origin]))
        n_rows = whole.stop - whole.start if w is None else int(np.count_nonzero(w))
        return cls._of_sums(sums, n_rows, x_origin, y_origin)

    @classmethod
    def from_gram(cls, gram: Array, n_rows: int, origin: Array, n_features: int) -> Moments:
        """The statistic of rows whose `gram_about` an origin this is."""
        check_gram(gram, origin, n_features)
        sums = sums_of(gram, n_features)
        return cls.from_sums(sums, n_rows, origin[:n_features], origin[n_features:])

    @classmethod
    def from_sums(cls, sums: Any, n_rows: int, x_origin: Array, y_origin: Array) -> Moments:
        """The same of sums as `sums_of` has them, which are overwritten."""
        check_sums(sums, n_rows, x_origin, y_origin)
        return cls._of_sums(sums, n_rows, x_origin, y_origin)

    @classmethod
    def _of_sums(cls, sums: Any, n_rows: int, x_origin: Array, y_origin: Array) -> Moments:
        xx, xy, yy, x_sum, y_sum, weight = sums
        if weight > 0:
            row_kernels.subtract_outer(xx, x_sum, 1.0 / weight)
            xy = xy - np.outer(x_sum, y_sum / weight)
            yy = np.maximum(yy - y_sum * y_sum / weight, 0.0)
            x_origin, y_origin = x_origin + x_sum / weight, y_origin + y_sum / weight
        return cls(weight, n_rows, x_origin, y_origin, symmetric(xx), xy, yy)

    def scaled(self, center: Array | None = None, scale: Array | None = None) -> Moments:
        """The moments of (x − center)/scale in the place of x.

        Without arguments each feature gets mean 0 and standard deviation 1, and one that is
        constant only mean 0, as by scikit-learn's `StandardScaler`.

        Parameters
        ----------
        center : None or ndarray of shape (p,), default=None
            None for the means.
        scale : None or ndarray of shape (p,), default=None
            None for the standard deviations.

        Returns
        -------
        Moments

        Examples
        --------
        >>> import numpy as np
        >>> from skreg import Moments
        >>> Moments.from_rows([[0.0], [2.0], [4.0]], [1.0, 2.0, 6.0]).scaled().xy.round(4)
        array([[6.1237]])
        """
        center = self.x_mean if center is None else self._by_feature(center, "center")
        scale = self.deviations() if scale is None else self._by_feature(scale, "scale")
        if not scale.all():
            raise ValueError("scale must not be 0. Give 1 to a feature that is constant.")
        return replace(
            self,
            x_mean=(self.x_mean - center) / scale,
            xx=self.xx / scale / scale[:, None],
            xy=self.xy / scale[:, None],
        )

    def _by_feature(self, values: Any, name: str) -> Array:
        array = as_floats(values, name)
        if array.shape != self.x_mean.shape:
            raise ValueError(
                f"{name} must have one number for each feature, shape {self.x_mean.shape}, got "
                f"shape {array.shape}."
            )
        assert_all_finite(array, input_name=name)
        return array

    def named(self, names: tuple[str, ...] | None) -> Moments:
        """The same, of features with these names."""
        return check_shapes(replace(self, feature_names=names))

    def deviations(self) -> Array:
        """Standard deviations of the features; 1 of those that are constant, to rounding."""
        variance = np.diag(self.xx) / self.weight
        n = self.n_rows
        # The bound of scikit-learn's `StandardScaler`.
        constant = variance <= n * EPS * variance + (n * self.x_mean * EPS) ** 2
        return np.where(constant, 1.0, np.sqrt(variance))

    def to_bytes(self) -> bytes:
        """A portable form of a stable layout, which `from_bytes` reads; see `moment_bytes`."""
        return moment_bytes.packed(vars(self))

    @classmethod
    def from_bytes(cls, data: bytes) -> Moments:
        """What `to_bytes` wrote, to the bit.

        Raises
        ------
        ValueError
            If the bytes are not those of moments, were cut or changed, or were written by a later
            version of the layout.
        """
        return cls(**moment_bytes.unpacked(data))

    def __add__(self, other: Moments) -> Moments:
        return self._pooled(other, 1)

    def __radd__(self, other: Any) -> Moments:
        """0 + moments, with which ``sum`` begins."""
        return self if isinstance(other, int) and other == 0 else NotImplemented

    def __sub__(self, other: Moments) -> Moments:
        return self._pooled(other, -1)

    def _pooled(self, other: Moments, sign: int) -> Moments:
        """With ``sign`` = ±1 times ``other``: Chan's update, the same for both signs.

        With d = mean(other) − mean(self): mean ← mean + share·d and S ← S ± S_other + between·ddᵀ,
        share = ±W_other / W_new, between = W_self · share.
        """
        if not isinstance(other, Moments):
            return NotImplemented
        if self.xy.shape != other.xy.shape:
            raise ValueError(
                "moments of different shapes do not add: (n_features, n_targets) is "
                f"{self.xy.shape} in one and {other.xy.shape} in the other."
            )
        names = _common_names(self.feature_names, other.feature_names)
        if other.weight == 0.0:
            return self if names is self.feature_names else replace(self, feature_names=names)
        if self.weight == 0.0 and sign > 0:
            return replace(other, feature_names=names)
        weight, n_rows = self.weight + sign * other.weight, self.n_rows + sign * other.n_rows
        if weight <= 0 or n_rows <= 0:
            raise ValueError(
                f"cannot take {other.n_rows} rows of weight {other.weight} from {self.n_rows} rows "
                f"of weight {self.weight}: nothing is left. Subtract a proper part."
            )
        share = sign * other.weight / weight
        between = self.weight * share
        dx, dy = other.x_mean - self.x_mean, other.y_mean - self.y_mean
        if sign < 0:
            self._refuse_no_part(other, between * dx * dx, between * dy * dy)
        return Moments(
            weight,
            n_rows,
            self.x_mean + share * dx,
            self.y_mean + share * dy,
            self.xx + sign * other.xx + np.outer(dx, between * dx),
            self.xy + sign * other.xy + np.outer(dx, between * dy),
            np.maximum(self.yy + sign * other.yy + between * dy * dy, 0.0),
            names,
        )

    def _refuse_no_part(self, other: Moments, x_between: Array, y_between: Array) -> None:
        """Raise if sums of squares would be left that are negative beyond rounding."""
        whole = np.append(np.diag(self.xx), self.yy)
        taken = np.append(np.diag(other.xx) - x_between, other.yy - y_between)
        of_means = EPS * self.weight * np.append(self.x_mean, self.y_mean) ** 2
        if (odd := taken - whole > _ROUNDING * (whole + np.abs(taken)) + of_means).any():
            what = "y" if (j := int(np.argmax(odd))) >= len(self.xx) else f"feature {j}"
            raise ValueError(
                f"cannot take rows that are no part of the others: {what} would be left with a "
                "negative sum of squares. Subtract moments that were added."
            )


def _common_names(
    one: tuple[str, ...] | None, other: tuple[str, ...] | None
) -> tuple[str, ...] | None:
    """The names of the features of both; ValueError if they are not the same."""
    if one is None or other is None or one == other:
        return one or other
    odd = next(i for i in range(len(one)) if one[i] != other[i])
    raise ValueError(
        "moments of different features do not add: "
        f"feature {odd} is {one[odd]!r} in one and {other[odd]!r} in the other."
    )


def origin_amid(block: NDArray[Any], weights: Array | None) -> tuple[Array, bool]:
    """A point amid these rows, and whether 0 is one as well."""
    if block.dtype not in (np.float64, np.float32):
        block = block.astype(np.float64)
    return row_kernels.origin(block, weights)


def sums_as_they_are(X: Array, y: Array) -> tuple[Any, ...]:
    """XᵀX (its upper triangle), Xᵀy, Σy², and the sums of X, y and 1; nothing is copied."""
    gram, xy = gram_and_targets(X, y)
    yy = np.einsum("ij,ij->j", y, y)
    return gram, xy[:, :-1], yy, xy[:, -1], y.sum(axis=0), float(len(y))
