"""A clone without weights of somebody's repository, kept in the cache."""
