"""Walks a pickle without unpickling it: which functions it names and calls, and which tensors it rebuilds."""
