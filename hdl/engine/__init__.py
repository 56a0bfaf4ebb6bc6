"""The streaming engine of a field in Amaranth: stages, schedule, control.

Its verification is in `inkling.sim.fields`.
"""
