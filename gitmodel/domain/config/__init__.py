"""Configuration: of the project, and of one clone."""
