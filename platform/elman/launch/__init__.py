"""From a recipe to a run: the parser, the trainer and its callbacks, and what is made of a trained run."""
