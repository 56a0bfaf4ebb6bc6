"""Fields: kernels, engines and benches against the reference, and the proof of the engine's control.

Classifiers are checked elsewhere.
"""
