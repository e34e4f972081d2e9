"""The history of pointers, from Git or from an on-disk index."""
