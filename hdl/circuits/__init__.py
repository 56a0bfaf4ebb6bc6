"""Combinational circuits in Amaranth, one per operation, and the Verilog of them.

Clocked circuits live in `inkling.hdl.folded` and `inkling.hdl.engine`.
"""
