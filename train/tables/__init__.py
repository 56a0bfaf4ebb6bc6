"""Tables of labelled readings: sources, quantisers, ranges, the split into rows, and scores.

Training lives in `inkling.train.networks`.
"""
