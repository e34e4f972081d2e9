"""Gates: rules that the metrics of a version must meet."""
