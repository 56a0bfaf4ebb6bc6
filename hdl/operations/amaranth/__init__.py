"""Every operation as an Amaranth part: a function makes it for the ranges of what it reads, the part draws itself.

A part and what it imports of this package is copied into stand-alone components, so those modules import Amaranth,
plain data and one another alone. The table of all is `inkling.hdl.operations.amaranth.table`.
"""
