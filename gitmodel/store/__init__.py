"""Objects by content hash on any backend; knows no Git."""
