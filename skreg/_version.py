"""The version, in one place: the build, ``skreg.__version__``, files and the shell read it here."""

__version__ = "0.1.0"
