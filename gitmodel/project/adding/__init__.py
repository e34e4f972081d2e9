"""Weights to be registered."""
