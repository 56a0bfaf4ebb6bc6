"""Folded circuits, clock by clock, unknown registers included. Combinational designs are checked elsewhere."""
