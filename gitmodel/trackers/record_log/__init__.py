"""Framings of append-only logs: records with a checksum each, of which the last may be torn."""
