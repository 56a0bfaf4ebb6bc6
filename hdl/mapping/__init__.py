"""Logic synthesis: Verilog and netlists to the cells of a technology or the tables of an FPGA.

What the cells cost is `inkling.hdl.cost`.
"""
