"""The configuration of a repository and of a clone."""
