"""Values and rules: no files, no clock, no environment, no network."""
