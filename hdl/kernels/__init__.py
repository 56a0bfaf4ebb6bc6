"""C and numba kernels of classifiers. Kernels of fields live in `inkling.hdl.fields`."""
