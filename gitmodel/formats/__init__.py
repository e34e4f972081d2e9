"""What the header of a weights file says."""
