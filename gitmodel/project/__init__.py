"""What workflows work on: the nouns that know store and Git together."""
