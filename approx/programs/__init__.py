"""Running other programs: processes with limits, compilers with one cache, yosys in a child.

What is compiled or synthesised is the caller's business.
"""
