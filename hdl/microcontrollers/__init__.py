"""C99 for microcontrollers: one row at a time, no heap, no 64-bit numbers, tables in flash, and its packages.

Kernels for desktops are `inkling.hdl.kernels`; compiling and running these in emulators is
`inkling.sim.microcontrollers`.
"""
