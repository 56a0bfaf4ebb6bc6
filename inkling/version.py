"""The version of the package, for files that say by what they were made; pyproject.toml reads it here."""

__version__ = "0.1.0"
