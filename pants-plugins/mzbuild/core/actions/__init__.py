"""Pre-image actions: what puts files into a context before Docker reads it, a module for each."""
