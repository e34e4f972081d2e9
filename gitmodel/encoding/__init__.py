"""Chunking, codecs, packs and manifests: pure functions of bytes."""
