"""The build command of the kernels, named in pyproject.toml; not imported at run time."""

from setuptools.command.build_ext import build_ext


class BuildKernels(build_ext):
    """Puts the compiled kernels beside their sources too.

    `python -m skreg` and `pytest` in a checkout find the package in the working directory before
    the installed one; so `pip install .` must leave it able to run.
    """

    def run(self):
        """Build, then copy."""
        super().run()
        self.copy_extensions_to_source()
