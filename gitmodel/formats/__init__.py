"""Headers of weight files: formats, tensors, and files that are no weights."""
