"""What a push brings to a remote, and what it proves there."""
