"""Copying versions from one remote to another."""
