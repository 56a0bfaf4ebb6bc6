"""Floats: data sets, models and their training. Imports nothing else of Inkling."""
