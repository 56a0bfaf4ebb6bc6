"""A design folder, read as a hostile one, and verified again by every route.

The routes themselves live in the other rooms.
"""
