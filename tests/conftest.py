"""What holds for all tests: no assertion is about time, so a property is not refuted by a busy machine."""

from hypothesis import settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
