"""Each claim on speed as a program that measures both sides in one run and prints the ratio."""
