"""Weights from remotes, into the cache and into their places."""
