"""The local store, and the engine that reads and writes it."""
