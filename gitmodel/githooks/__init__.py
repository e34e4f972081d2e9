"""One function a Git hook, and how hooks are installed."""
