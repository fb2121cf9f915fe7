"""Measures lpse-ops against restic on the same data, in turn, on one machine."""
