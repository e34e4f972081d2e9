"""Reading, writing and editing YAML."""
