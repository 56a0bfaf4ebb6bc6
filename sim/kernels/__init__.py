"""Emitted C and numba kernels run in limited children and compared with the reference.

Kernels of fields live in `inkling.sim.fields`.
"""
