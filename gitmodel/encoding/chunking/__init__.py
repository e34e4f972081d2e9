"""Where a file falls into chunks."""
