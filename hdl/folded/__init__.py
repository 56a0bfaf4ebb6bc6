"""Folded circuits in Amaranth and their texts. The plans are searched in `inkling.approx.folding`."""
