"""The language of `gitmodel list --where`: parse an expression, print it, evaluate it over rows."""
