"""One benchmark per claim on speed: it measures both sides in one run and prints the ratio."""
