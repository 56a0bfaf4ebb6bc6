"""What a comparison says: verdicts, test vectors, comparisons, ports.

Who computes the answers lives in the other rooms.
"""
