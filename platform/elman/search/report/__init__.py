"""A study for its readers: the terminal, a note and a view in MLflow, a table, one HTML page."""
