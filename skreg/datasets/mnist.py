"""The first 5,000 training and first 1,000 test images of MNIST."""

from importlib.resources import files
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import Bunch
from sklearn.utils._param_validation import StrOptions, validate_params

_SIDE = 28  # pixels
_FEATURE_NAMES = [f"pixel_{row}_{column}" for row in range(_SIDE) for column in range(_SIDE)]
_PARTS = {"train": ("train",), "test": ("test",), "all": ("train", "test")}


@validate_params(
    {
        "subset": [StrOptions(set(_PARTS))],
        "return_X_y": ["boolean"],
        "as_frame": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def load_mnist_subset(
    *, subset: str = "train", return_X_y: bool = False, as_frame: bool = False
) -> Any:
    """Load 6,000 handwritten digits: 28 × 28 gray-level images in ten classes.

    The images are read from a file inside the package; nothing is downloaded.

    Parameters
    ----------
    subset : {"train", "test", "all"}, default="train"
        The 5,000 training images, the 1,000 test images, or the training images followed by the
        test images. The writers of the test images did not write any of the training images, so
        an error measured on them tells about new writers.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Return ``data`` as a DataFrame and ``target`` as a Series.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        With the attributes

        - ``data``, {ndarray, DataFrame} of shape (n_images, 784), dtype uint8: one image a row,
          pixels row by row, 0 (paper) to 255 (ink);
        - ``target``, {ndarray, Series} of shape (n_images,): the digit, 0 to 9;
        - ``images``, ndarray of shape (n_images, 28, 28): a view of the same pixels;
        - ``frame``, DataFrame of shape (n_images, 785) with ``as_frame=True``, else None;
        - ``feature_names``, list of 784 str, and ``target_names``, ndarray of the ten digits;
        - ``DESCR``, str: description, source and license.
    (data, target) : tuple
        With ``return_X_y=True``.

    Raises
    ------
    ValueError
        If ``subset`` is none of the three.

    References
    ----------
    Y. LeCun, L. Bottou, Y. Bengio, P. Haffner (1998), Gradient-based learning applied to document
    recognition, Proceedings of the IEEE 86(11). Data by Y. LeCun, C. Cortes and C. J. C. Burges,
    CC BY-SA 3.0.

    Examples
    --------
    >>> from skreg.datasets import load_mnist_subset
    >>> X, y = load_mnist_subset(return_X_y=True)
    >>> X.shape, X.max(), y[:5]
    ((5000, 784), np.uint8(255), array([5, 0, 4, 1, 9]))
    >>> load_mnist_subset(subset="test").images.shape
    (1000, 28, 28)
    """
    folder = files("skreg.datasets").joinpath("data")
    with folder.joinpath("mnist_5000_1000.npz").open("rb") as file, np.load(file) as archive:
        data = np.concatenate([archive[f"X_{part}"] for part in _PARTS[subset]])
        target = np.concatenate([archive[f"y_{part}"] for part in _PARTS[subset]]).astype(np.int64)
    images = data.reshape(-1, _SIDE, _SIDE)
    frame = None
    if as_frame:
        data = pd.DataFrame(data, columns=_FEATURE_NAMES)
        target = pd.Series(target, name="target")
        frame = pd.concat([data, target], axis=1)
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        frame=frame,
        images=images,
        feature_names=list(_FEATURE_NAMES),
        target_names=np.arange(10),
        DESCR=folder.joinpath("README.md").read_text(encoding="utf-8"),
    )
