"""Registries: their names, what they have, and how they are asked."""
