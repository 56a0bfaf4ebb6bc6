"""Plans of folded circuits, one multiplier for many products, and the search for them.

The circuits are drawn in `inkling.hdl.folded`.
"""
