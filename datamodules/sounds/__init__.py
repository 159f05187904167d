"""Recordings: their headers, and samples read as frames."""
