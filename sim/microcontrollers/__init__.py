"""Kernels for microcontrollers, compiled and run in emulators, and compared with the reference.

What the kernels are is `inkling.hdl.microcontrollers`; kernels of a desktop are checked in `inkling.sim.kernels`.
"""
