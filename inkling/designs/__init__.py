"""What is done with finished designs: verify, compare, fold, map to FPGAs, report again.

Making them is `inkling.runs`.
"""
