"""Docker: its command lines, and what stands in a Dockerfile."""
