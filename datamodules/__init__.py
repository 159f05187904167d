"""Where sequences come from: one file a kind of data."""
