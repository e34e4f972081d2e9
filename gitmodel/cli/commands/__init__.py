"""One file a verb, or a few that belong together: `add_parser` beside what it runs."""
