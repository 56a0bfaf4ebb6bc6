"""The search over approximated arithmetic: weights, left-out bits, activations.

The gate-level search is `inkling.approx.gates`.
"""
