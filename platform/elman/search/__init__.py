"""Searches: which run to do next, many at once, and what came of them."""
