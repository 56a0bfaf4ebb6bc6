"""Results and pages: what came out, and how it is shown.

Imports `inkling.sim`, `inkling.hdl`, `inkling.approx`, `inkling.train`.
"""
