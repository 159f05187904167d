"""Which values of a recipe are tried: a search's file, its space, and what can be wrong with them."""
