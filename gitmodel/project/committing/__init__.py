"""What the next commit does about changed weights."""
