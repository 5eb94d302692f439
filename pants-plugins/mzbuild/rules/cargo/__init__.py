"""Running Cargo: what from, how, and as rarely as can be."""
