"""Proofs by SAT that two texts compute the same. Samples are the business of the other rooms."""
