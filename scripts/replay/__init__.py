"""Lists dead letters, and publishes those that are valid by now: `python -m scripts.replay`."""
