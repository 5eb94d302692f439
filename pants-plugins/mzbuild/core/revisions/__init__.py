"""The repository as it was in other revisions, read from Git's objects."""
