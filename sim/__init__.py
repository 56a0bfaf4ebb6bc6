"""Co-verification of everything emitted against the one integer reference. Imports `hdl`, `approx` and below."""
