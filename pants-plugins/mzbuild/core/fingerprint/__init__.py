"""Fingerprints: what they cover, and how they are computed."""
