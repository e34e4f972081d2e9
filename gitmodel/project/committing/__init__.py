"""What the next commit does about weights."""
