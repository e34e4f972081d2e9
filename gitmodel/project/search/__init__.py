"""Rows of `gitmodel list`: versions of the work tree, of a commit or of history, that an expression selects."""
