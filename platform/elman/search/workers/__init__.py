"""Where trials run: their processes, the places they run on, here or on a Ray cluster."""
