"""The main job from the shell: tune λ on the bundled digits or on a table of one's own."""

from skreg.cli.app import main

__all__ = ["main"]
