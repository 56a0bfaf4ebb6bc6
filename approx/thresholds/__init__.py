"""Classifiers on thresholds of readings: the levels of a table, trees that know prices, the gate search on them."""
