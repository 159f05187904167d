"""Texts with labels: where they stand, and how they become ids."""
