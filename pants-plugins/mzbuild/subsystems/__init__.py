"""The options of the backend, one file for each scope."""
