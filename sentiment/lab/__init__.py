"""Commands that train, measure and explain the sentiment scorers, with labelled headlines in `data/`."""
