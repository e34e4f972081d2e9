"""Reading another repository without a clone."""
