"""Untrusted text: escaping, detection of secrets, and the size limit of files."""

MAX_TEXT_BYTES = 65536  # 64 KiB: of a pointer, alias, configuration, claim or marker
