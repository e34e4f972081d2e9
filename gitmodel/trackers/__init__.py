"""Readers of training runs: each reads one tracker, or one kind of file, and returns `RunMetadata`."""
