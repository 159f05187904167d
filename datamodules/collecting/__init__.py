"""From many sequences to batches: what was found, who trains, who shares a batch."""
