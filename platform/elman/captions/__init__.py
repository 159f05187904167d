"""Decoding and scoring of generated sequences."""
