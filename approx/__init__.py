"""Integers: networks, approximations, search and gate netlists. Imports `train` only."""
