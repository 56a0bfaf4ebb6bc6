"""Co-verification of everything emitted against the one integer reference.

Imports `inkling.hdl`, `inkling.approx` and below.
"""
