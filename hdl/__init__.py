"""Emission: Amaranth, Verilog, C and numba. Imports `approx` and below."""
