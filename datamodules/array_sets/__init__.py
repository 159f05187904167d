"""Arrays in files: what is there, and how a sequence is read."""
