"""C and numba kernels of fields, portable and for vector units. The engine in hardware is `inkling.hdl.engine`."""
