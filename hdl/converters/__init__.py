"""What stands between sensors and logic: comparators, ladders and encoders of a design, added up and priced.

Their figures are `inkling.hdl.cells.converters`'.
"""
