"""Sentiment scorers. A scorer is one file here and one line in `registry.py`."""
