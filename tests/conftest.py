"""How all tests run: one profile of hypothesis, and a runtime folder of their own."""

import os
import tempfile

from hypothesis import settings

# The first example of a test loads models and the machine may be busy, so time says nothing.  In CI
# the examples are the same in each run: what fails there fails here.
if os.environ.get("CI"):
    settings.register_profile("voicecoach", deadline=None, derandomize=True, database=None)
else:
    settings.register_profile("voicecoach", deadline=None)
settings.load_profile("voicecoach")

# A user has one live session at a time, and tests run beside the user's own, and beside each other.
_RUNTIME = tempfile.TemporaryDirectory(prefix="voicecoach-runtime-")
os.environ["XDG_RUNTIME_DIR"] = _RUNTIME.name
