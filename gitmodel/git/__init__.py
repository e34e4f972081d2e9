"""Git and nothing else; knows no store."""
