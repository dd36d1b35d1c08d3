"""What holds for all tests."""

from hypothesis import settings

# A test never fails for being slow: what is fast enough is measured in bench/.
settings.register_profile("voltrail", deadline=None)
settings.load_profile("voltrail")
