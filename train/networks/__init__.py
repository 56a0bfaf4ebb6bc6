"""Perceptrons and linear models in floats: their training, their populations, their files.

Integer networks are made of them in `inkling.approx.quantise`.
"""
