"""Making the design: circuits, cells, mapping, cost and kernels. Imports `inkling.approx` and below.

Nothing here decides whether a design is right; that is `inkling.sim`.
"""
