"""Runs `python -m scripts.audit`."""

import sys

from scripts.audit.auditor import main

if __name__ == "__main__":
    sys.exit(main())
