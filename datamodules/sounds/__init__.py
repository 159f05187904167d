"""Recordings: what their headers say, and samples read as frames."""
