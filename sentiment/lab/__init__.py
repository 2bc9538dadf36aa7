"""Commands that train, measure and explain the sentiment scorers, with their own labelled headlines."""
