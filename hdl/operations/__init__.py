"""How each operation is written in each language: one function for an operation and a language, in `c`, `numba` and
`amaranth`, used by classifiers, fields, engines and folded circuits alike.

Whole kernels, engines and circuits, and forms of several operations fused for speed, live in the rooms beside this.
"""
