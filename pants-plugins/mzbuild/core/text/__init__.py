"""Text that people and programs read and write."""
