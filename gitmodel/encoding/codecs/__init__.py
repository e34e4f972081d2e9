"""Codecs: encodings of the bytes of a chunk."""
