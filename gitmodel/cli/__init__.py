"""The front door for people: parsers, dispatch and output."""
