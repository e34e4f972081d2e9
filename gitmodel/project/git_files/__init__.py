"""What Git is told about weights and pointers: ignored, merged, kept out."""
