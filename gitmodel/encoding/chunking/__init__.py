"""Rules that split files into chunks."""
