"""The release, in one place: packaging reads it too."""

__version__ = "0.1.0"
