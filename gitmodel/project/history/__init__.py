"""Versions in the history of this repository."""
