"""The version of gitmodel."""

__version__ = "0.1.0.dev0"
