"""What is remembered about a run, in MLflow."""
