"""What a trained network predicts: parts of data, streams, texts, and the model logged in MLflow."""
