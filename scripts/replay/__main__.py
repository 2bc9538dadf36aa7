"""Runs `python -m scripts.replay`."""

import sys

from scripts.replay.command import main

if __name__ == "__main__":
    sys.exit(main())
