"""The training run of weights: where it is looked for, which run made them, and what of it is recorded."""
