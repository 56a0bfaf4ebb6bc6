"""Files from outside, read with bounds, and files of our own, written beside and renamed.

What a file means is its reader's business, not this room's.
"""
