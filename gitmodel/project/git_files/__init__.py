"""Configuration that Git reads for weights and pointers: `.gitattributes`, `.gitignore`, `info/exclude`."""
