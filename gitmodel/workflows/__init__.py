"""One file a thing that a person wants; the only room that knows store and Git together."""
