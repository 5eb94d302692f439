"""Cargo: the workspace, what its crates are built from, and how they are built."""
