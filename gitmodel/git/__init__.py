"""Access to Git repositories; nothing here knows a weights store."""
