"""Versions from one remote to another."""
