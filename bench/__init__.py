"""One benchmark per performance claim: it measures both sides in one run and prints the ratio."""
