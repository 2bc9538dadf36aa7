"""Starts, supervises and stops the whole stack: `python -m scripts.stack`."""
