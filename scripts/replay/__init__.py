"""Lists dead letters, and publishes those that are now valid: `python -m scripts.replay`."""
