"""A cached partial clone of another repository, without weights."""
