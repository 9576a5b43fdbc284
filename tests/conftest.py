"""How all tests run: one profile of hypothesis."""

import os

from hypothesis import settings

# The first example of a test loads models and the machine may be busy, so time says nothing.  In CI
# the examples are the same in each run: what fails there fails here.
if os.environ.get("CI"):
    settings.register_profile("voicecoach", deadline=None, derandomize=True, database=None)
else:
    settings.register_profile("voicecoach", deadline=None)
settings.load_profile("voicecoach")
