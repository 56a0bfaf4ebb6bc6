"""Integers: the reference, quantising, the searches and netlists. Imports `inkling.train` only.

Nothing here writes a hardware text or prices a cell.
"""
