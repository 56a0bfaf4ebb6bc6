"""Cells of a technology: the built-in EGFET, Liberty files, and Verilog made of cells.

How a design is mapped to them is `inkling.hdl.mapping`.
"""
