"""A real-time tone monitor for phone calls.

`voicecoach.engine.Engine` is the product: blocks of audio and transcripts in, events out.
Everything under `voicecoach.shell` supplies it: files, models, threads, screens.
"""

import os

# Nothing leaves the machine.  onnxruntime 1.29 and newer reports its use to its maker, and the
# model hub's client adds where it is used to a fetch, unless told not to before they start.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

__all__ = ["__version__"]
__version__ = "0.1.0"
