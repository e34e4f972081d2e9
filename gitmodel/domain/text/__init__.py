"""Foreign text: escaped, and without secrets."""
