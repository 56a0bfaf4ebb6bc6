"""From a mismatch to the node where it begins: shrinking, probes, waveforms.

Finding mismatches is the business of the other rooms.
"""
