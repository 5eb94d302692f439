"""Docker images named by what goes into them: mzbuild for Pants."""
