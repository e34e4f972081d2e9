"""Codecs: how the bytes of a chunk are encoded."""
