"""Fetching weights from remotes into the cache and the work tree."""
