"""Objects by content hash, anywhere; knows no Git."""
