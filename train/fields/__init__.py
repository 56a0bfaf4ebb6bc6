"""Neural fields in floats: encodings, models, tasks and one training loop.

Scenes and signals come from `inkling.train.scenes`.
"""
