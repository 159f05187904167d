"""What a study has found, as plain values: the trials, the best of them, the front, what decided."""
