"""Lists dead letters and replays those that have become readable: `python -m scripts.replay`."""
