"""Runs `python -m data_producers.backfill`."""

import sys

from data_producers.backfill.command import main

if __name__ == "__main__":
    sys.exit(main())
