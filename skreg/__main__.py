"""``python -m skreg``: the main job from the shell."""

import sys

from skreg.cli import main

if __name__ == "__main__":
    sys.exit(main())
