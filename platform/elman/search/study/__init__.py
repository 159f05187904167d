"""A study in its storage: trials asked for, reported and ended once by all processes that share it."""
