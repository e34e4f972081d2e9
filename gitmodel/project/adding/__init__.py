"""Registering weights as new versions."""
