"""The file system, crash-safe."""
