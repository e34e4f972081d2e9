"""Versions in the Git history of this repository."""
