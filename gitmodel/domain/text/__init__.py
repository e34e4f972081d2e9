"""Untrusted text: escaping and detection of secrets."""
