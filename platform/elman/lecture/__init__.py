"""The claims of the course, each measured on the spot: a question, a plot and a sentence with its numbers."""
