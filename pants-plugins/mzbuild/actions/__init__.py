"""Pre-image actions in Pants, a module for each: its target, and the rule that runs it."""
