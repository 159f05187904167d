"""Comparing recipes by their runs: what pairs, what the difference is, and whether it may be claimed."""
