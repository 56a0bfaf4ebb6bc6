"""The front door: command line, run folders, the path from a table to a verified circuit."""

__version__ = "0.1.0"
