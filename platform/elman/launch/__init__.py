"""From a recipe to a run: the parser, the trainer and its callbacks, and what each command does."""
