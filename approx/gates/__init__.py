"""The search over gates: local search with data, in rounds, on islands, with prices.

The arithmetic search is `inkling.approx.arithmetic`.
"""
