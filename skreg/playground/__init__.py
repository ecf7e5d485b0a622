"""The interactive page: ``python -m skreg.playground``."""
