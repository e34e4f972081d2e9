"""History, by commits and by an index of what they did to pointers."""
