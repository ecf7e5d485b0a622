"""Write the folder of this version: ``python tests/saved/write.py``, once before a release."""

import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from stored_cases import CASES, X, answers, made  # noqa: E402

import skreg  # noqa: E402


def main():
    folder = HERE / skreg.__version__
    folder.mkdir(exist_ok=True)
    for name in CASES:
        model, stem = made(name), name.replace(" ", "-")
        skreg.save(model, folder / f"{stem}.skreg")
        np.savez_compressed(folder / f"{stem}.npz", rows=X[:10], **answers(name, model, X[:10]))
    print(f"{len(CASES)} models in {folder}")


if __name__ == "__main__":
    main()
