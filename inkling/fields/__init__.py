"""The path from a scene or signal to a verified field. Classifiers have `inkling.runs`."""
