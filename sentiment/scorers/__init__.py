"""Sentiment scorers. To add one: a file here, and a line in `registry.py`."""
