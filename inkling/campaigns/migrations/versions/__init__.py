"""One module for each step of the schema. How they are run is `env.py`, one folder up."""
