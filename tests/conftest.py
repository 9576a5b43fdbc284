"""How all tests run: one profile of hypothesis, a runtime folder and a cache of their own."""

import os
import tempfile
from pathlib import Path

import platformdirs
import pytest
from hypothesis import settings

from voicecoach.errors import ModelUnavailable
from voicecoach.shell.asr.model_places import MOONSHINE_BASE, find_model
from voicecoach.shell.asr.moonshine_files import is_converted, moonshine_folder

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

# Whatever home a test has, the second model is converted once.
_CACHE = platformdirs.user_cache_path("voicecoach-tests", appauthor=False)
os.environ["XDG_CACHE_HOME"] = str(_CACHE)


@pytest.fixture(scope="session")
def moonshine() -> Path:
    """Return the folder with the converted second model; where there is none, skip."""
    if not is_converted():
        try:
            find_model(MOONSHINE_BASE)
        except ModelUnavailable as e:
            pytest.skip(str(e))
    return moonshine_folder()
