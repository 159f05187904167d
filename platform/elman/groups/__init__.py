"""Groups: runs of one recipe that differ in seed or fold alone, trained and judged as one thing."""
