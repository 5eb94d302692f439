"""The work tree: its files, what is in them, and what has changed."""
