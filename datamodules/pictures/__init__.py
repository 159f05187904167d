"""Images and frames: read one at a time."""
