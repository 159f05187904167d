"""What flows back through time: meters and pictures."""
