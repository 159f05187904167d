"""Pictures, each described once and drawn for paper and for a browser; pages that hold them."""
