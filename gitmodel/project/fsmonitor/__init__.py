"""The switch that lets Git ask gitmodel before a commit."""
