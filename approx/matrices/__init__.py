"""Constant matrices as few adders: shared sub-expressions, digits, compressors.

The circuits of these plans are drawn in `inkling.hdl.circuits`.
"""
