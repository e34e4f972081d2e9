"""YAML, read and written in one way."""
