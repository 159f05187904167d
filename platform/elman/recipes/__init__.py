"""Recipes: strict YAML, the parser, and the schema of what a recipe may hold."""
