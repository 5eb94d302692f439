"""Git: which files it sees, and what revisions have."""
