"""Objects by key, on any store."""
