"""Manifests: the list of chunks and packs of a version's files."""
