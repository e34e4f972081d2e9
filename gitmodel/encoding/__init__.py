"""Bytes in, bytes out: cutting, codecs, packs and manifests."""
