"""Uploading versions to a remote, and checking them there."""
