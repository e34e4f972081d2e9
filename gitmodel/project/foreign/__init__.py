"""Somebody else's repository, without a clone of one's own."""
