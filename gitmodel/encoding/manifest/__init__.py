"""Manifests: which chunks make up the files of a version."""
