"""Fields in integers: quantising, packing of texels, random examples.

The reference of a field is in `inkling.approx.reference`.
"""
