"""The local store of this clone, and the engine that reads and writes it."""
