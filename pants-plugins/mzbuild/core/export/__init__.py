"""Images for other tools."""
