"""Predictions of a trained network: streams, texts, lines of output, and the model logged in MLflow."""
