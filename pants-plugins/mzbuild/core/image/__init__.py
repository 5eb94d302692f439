"""Images: how they are declared, and what builds on what."""
