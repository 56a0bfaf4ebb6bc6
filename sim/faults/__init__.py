"""Stuck-at faults and planted changes, simulated in bulk. Whether a design is right is not decided here."""
