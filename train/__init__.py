"""Floats: tables, series, scenes, models and their training. Imports nothing else of Inkling.

Nothing here knows of integers, gates or emitted texts.
"""
