"""Import every module of the installed package, with nothing but its run-time dependencies."""

import importlib
import pkgutil

import numpy as np

import skreg

assert "site-packages" in skreg.__file__, skreg.__file__
# The command line would start; the build command needs setuptools.
modules = [
    info.name
    for info in pkgutil.walk_packages(skreg.__path__, "skreg.")
    if not info.name.endswith((".__main__", "._build"))
]
for name in modules:
    importlib.import_module(name)

X, y = skreg.datasets.load_mnist_subset(return_X_y=True)
net = skreg.RegularizedMLPClassifier((16,), max_iter=2, tol=0, random_state=0).fit(X, y)
assert np.isfinite(net.loss_curve_).all()
print(f"{len(modules)} modules imported; a network fits")
