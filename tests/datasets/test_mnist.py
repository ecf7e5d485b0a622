from importlib.resources import files

import numpy as np
import pandas as pd
import pytest

from skreg.datasets import load_mnist_subset


@pytest.mark.parametrize(("subset", "n_images"), [("train", 5000), ("test", 1000), ("all", 6000)])
def test_shapes_and_content(subset, n_images):
    bunch = load_mnist_subset(subset=subset)
    assert bunch.data.shape == (n_images, 784)
    assert bunch.data.dtype == np.uint8
    assert bunch.data.min() == 0
    assert bunch.data.max() == 255
    assert bunch.target.shape == (n_images,)
    assert set(bunch.target) == set(range(10))
    assert bunch.frame is None
    assert len(bunch.feature_names) == 784
    np.testing.assert_array_equal(bunch.target_names, np.arange(10))


def test_all_is_train_then_test():
    X, y = load_mnist_subset(subset="all", return_X_y=True)
    for subset, rows in [("train", slice(5000)), ("test", slice(5000, None))]:
        X_part, y_part = load_mnist_subset(subset=subset, return_X_y=True)
        np.testing.assert_array_equal(X[rows], X_part)
        np.testing.assert_array_equal(y[rows], y_part)


def test_the_labels_are_those_of_mnist():
    # The published first labels of the two sets.
    assert load_mnist_subset().target[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert load_mnist_subset(subset="test").target[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]


def test_images_and_feature_names_follow_the_pixels():
    bunch = load_mnist_subset(subset="test")
    row, column = 14, 11
    feature = bunch.feature_names.index(f"pixel_{row}_{column}")
    np.testing.assert_array_equal(bunch.images[:, row, column], bunch.data[:, feature])
    # Ink lies in the middle, paper at the edge: a transposed or shifted image would show here.
    assert bunch.images[:, 8:20, 8:20].mean() > 10 * bunch.images[:, :2].mean()


def test_as_frame():
    bunch = load_mnist_subset(subset="test", as_frame=True)
    plain = load_mnist_subset(subset="test")
    assert isinstance(bunch.data, pd.DataFrame)
    assert isinstance(bunch.target, pd.Series)
    assert bunch.frame.shape == (1000, 785)
    assert list(bunch.frame.columns) == [*plain.feature_names, "target"]
    np.testing.assert_array_equal(bunch.frame.iloc[:, :-1], plain.data)
    X, y = load_mnist_subset(subset="test", as_frame=True, return_X_y=True)
    pd.testing.assert_frame_equal(X, bunch.data)
    pd.testing.assert_series_equal(y, bunch.target)


def test_source_and_license_travel_with_the_data():
    description = load_mnist_subset(subset="test").DESCR
    for words in ["LeCun", "Cortes", "Burges", "CC BY-SA 3.0", "first 5,000 training images"]:
        assert words in description
    assert files("skreg.datasets").joinpath("data", "README.md").read_text("utf-8") == description


def test_unknown_subset_names_the_choices():
    with pytest.raises(ValueError, match=r"'subset' parameter .* must be a str among .*'train'"):
        load_mnist_subset(subset="validation")
