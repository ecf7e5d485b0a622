"""The main job with tiny settings."""

import re

import numpy as np
import pytest

from skreg.cli import digits, main
from skreg.cli.arguments import parse
from skreg.cli.curves import draw_errors, errors_per_epoch
from skreg.cli.digits import ALPHAS, PICTURE, build_model
from skreg.datasets import load_mnist_subset

TINY = ["--hidden", "12", "--max-iter", "3", "--folds", "2", "--jobs", "1", "--quiet"]


@pytest.fixture
def few_digits(monkeypatch):
    """The first 400 and 200 images."""

    def load(*, subset, return_X_y):
        X, y = load_mnist_subset(subset=subset, return_X_y=return_X_y)
        n = {"train": 400, "test": 200}[subset]
        return X[:n], y[:n]

    monkeypatch.setattr(digits, "load_mnist_subset", load)


def test_prints_the_table_and_the_test_error_and_saves_the_picture(
    few_digits, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    assert main([*TINY, "--output-dir", "new/pictures", "--save", "digits.joblib"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    rows = re.findall(r"^  (\S+) +(\d+\.\d+) % +(\d+\.\d+) ± (\d+\.\d+) %(  <-)?$", out, re.M)
    assert [float(row[0]) for row in rows] == list(ALPHAS)
    errors = [float(row[2]) for row in rows]
    marked = [row for row in rows if row[4]]
    assert len(marked) == 1
    assert float(marked[0][2]) == min(errors)
    chosen, test_error = re.search(
        r"Chosen: λ = (\S+)\. Its error on the 200 test images: (\d+\.\d+) ± \d+\.\d+ %", out
    ).groups()
    assert chosen == marked[0][0]

    import joblib

    X, y = load_mnist_subset(subset="test", return_X_y=True)
    model = joblib.load("digits.joblib")
    assert model.get_params()["network__alpha"] == float(chosen)
    wrong = np.mean(model.predict(X[:200]) != y[:200])
    assert 100 * wrong == pytest.approx(float(test_error), abs=0.006)

    picture = (tmp_path / "new/pictures" / PICTURE).read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert "in new/pictures/mnist_errors.png" in out


def test_a_share_of_the_training_labels_is_replaced(few_digits, tmp_path, capsys, monkeypatch):
    seen = []
    monkeypatch.setattr(digits, "tune", lambda *args, **kwargs: seen.append(args[5]) or 1 / 0)
    for share in ("0", "0.5"):
        with pytest.raises(ZeroDivisionError):
            main([*TINY, "--label-noise", share, "--output-dir", str(tmp_path)])
    assert "50% of the training labels are replaced by random digits" in capsys.readouterr().out
    _, y = load_mnist_subset(subset="train", return_X_y=True)
    np.testing.assert_array_equal(seen[0], y[:400])
    assert np.mean(seen[1] != y[:400]) == pytest.approx(0.5 * 0.9, abs=0.08)


@pytest.mark.parametrize(
    ("n_wrong", "n_wrong_free", "start"),
    [
        (
            10,
            40,
            "λ matters here: 10.00 % of the test images are wrong with λ = 1, 40.00 % without",
        ),
        (40, 10, "The penalty does harm here"),
        (10, 11, "The penalty makes no difference that 100 images could show"),
    ],
)
def test_the_last_sentence_says_what_a_penalty_is_worth(n_wrong, n_wrong_free, start):
    wrong, wrong_free = (np.arange(100) < n for n in (n_wrong, n_wrong_free))
    assert digits.compared("λ = 1", wrong, wrong_free).startswith(start)


def test_without_matplotlib_it_says_how_to_get_it(few_digits, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(digits, "find_spec", lambda name: None)
    assert main([*TINY, "--alphas", "0.1", "--output-dir", str(tmp_path)]) == 0
    assert "pip install matplotlib" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_output_dir_that_is_a_file(tmp_path, failing):
    (tmp_path / "file").write_text("")
    assert "cannot be made: " in failing("--output-dir", tmp_path / "file")


def test_curves_are_those_of_the_fits():
    """The last epoch of a curve errs as a network does that was fitted for so many epochs."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 90)
    X = (rng.normal(size=(90, 5)) + y[:, None]).astype(np.float32)
    _, options = parse(["--hidden", "6", "--max-iter", "4", "--batch-size", "10", "--jobs", "2"])
    model = build_model(options)
    train, test = (X[:60], y[:60]), (X[60:], y[60:])
    alphas = (1.0, 0.0)
    curves = errors_per_epoch(model, alphas, train, test, options)
    assert curves.shape == (2, 4, 2)
    assert ((curves >= 0) & (curves <= 1)).all()
    for alpha, curve in zip(alphas, curves, strict=True):
        fitted = model.set_params(network__alpha=alpha).fit(*train)
        errors = [1 - fitted.score(*train), 1 - fitted.score(*test)]
        np.testing.assert_allclose(curve[-1], errors)


def test_picture_has_a_line_for_each_alpha(tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    drawn = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, path, dpi: drawn.append(figure))
    curves = np.random.default_rng(0).random((3, 7, 2))
    draw_errors(curves, (0.1, 0.01, 0.0), 0.01, tmp_path / "picture.png")
    panels = drawn[0].axes
    assert [panel.get_title() for panel in panels] == ["training error", "test error"]
    for part, panel in enumerate(panels):
        lines = panel.get_lines()
        np.testing.assert_allclose([line.get_ydata() for line in lines], 100 * curves[..., part])
    labels = [text.get_text() for text in panels[1].get_legend().get_texts()]
    assert labels == ["λ = 0.1", "λ = 0.01 (chosen)", "λ = 0"]
